import DebianFormat

@main
enum Consumer {
    static func main() throws {
        print(try DebianVersion("1:2.0-1") > DebianVersion("1.9"))
    }
}
