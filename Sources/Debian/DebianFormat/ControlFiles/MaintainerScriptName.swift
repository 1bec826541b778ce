/// The maintainer scripts of a binary package (Policy 6, deb-config in debconf).
public enum MaintainerScriptName: String, CaseIterable, Hashable, Sendable {
    case preinst, postinst, prerm, postrm, config
}
