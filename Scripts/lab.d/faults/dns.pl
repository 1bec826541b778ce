# dns.pl ADDRESS MODE: a name server for the cluster with odd answers.
use strict;
use warnings;
use IO::Select;
use IO::Socket::INET;

my ($address, $mode) = @ARGV;
my %known = (
    'istio-pilot.istio-system' => '10.63.247.248',
    'istio-ingress.istio-system' => '10.63.243.30',
    'productpage.bookinfo' => '10.63.240.10',
    'svc1.onprem' => '10.63.240.20',
);
my %codes = (servfail => 2, refused => 5);

sub answer {
    my ($query, $is_stream) = @_;
    my ($id) = unpack 'n', $query;
    my ($end, @labels) = (12);
    while (my $length = ord substr $query, $end, 1) {
        push @labels, substr $query, $end + 1, $length;
        $end += $length + 1;
    }
    my $type = unpack 'n', substr $query, $end + 1, 2;
    my $question = substr $query, 12, $end + 5 - 12;
    my $head = sub { pack('n6', $id, 0x8180 | $_[0], 1, $_[1], 0, 0) . $question };
    return $head->($codes{$mode}, 0) if $codes{$mode};
    return $head->(0x0200, 0) if $mode eq 'truncated' && !$is_stream;
    my $name = lc join '.', @labels;
    my $place = $known{$name =~ s/\.svc\.cluster\.local$//r};
    $place = '10.63.240.10' if $name =~ /^alias-/;
    return $head->(3, 0) unless $place;
    return $head->(0, 0) unless $type == 1;
    $place =~ s/^10\.63\./10.99./ if $mode eq 'elsewhere';
    my $lifetime = $mode eq 'fresh' ? 0 : 30;
    my $bytes = pack 'C4', split /\./, $place;
    return $head->(0, 1) . pack('n2nNn', 0xc00c, 1, 1, $lifetime, 4) . $bytes unless $mode eq 'alias';
    # The alias is the rest of the name: a pointer past the question's first label.
    my $alias = pack('C/a', 'alias-' . $labels[0]) . pack('n', 0xc000 | (12 + 1 + length $labels[0]));
    my $start = 12 + length($question) + 12;
    return $head->(0, 2) . pack('n2nNn', 0xc00c, 5, 1, $lifetime, length $alias) . $alias
        . pack('n2nNn', 0xc000 | $start, 1, 1, $lifetime, 4) . $bytes;
}

$SIG{CHLD} = 'IGNORE';
my %local = (LocalAddr => $address, LocalPort => 53, ReuseAddr => 1);
my $packets = IO::Socket::INET->new(Proto => 'udp', %local) or die "UDP: $!";
my $streams = IO::Socket::INET->new(Proto => 'tcp', Listen => 16, %local) or die "TCP: $!";
my $both = IO::Select->new($packets, $streams);
while (my @ready = $both->can_read) {
    for my $socket (@ready) {
        if ($socket == $packets) {
            my $from = $packets->recv(my $query, 4096);
            next if !defined $from || fork;
            sleep 1 if $mode eq 'slow';
            $packets->send(answer($query, 0), 0, $from);
            exit;
        }
        my $stream = $streams->accept or next;
        next if fork;
        my ($length, $query);
        while (read($stream, $length, 2) == 2 && read($stream, $query, unpack 'n', $length)) {
            sleep 1 if $mode eq 'slow';
            print {$stream} pack 'n/a', answer($query, 1);
            $stream->flush;
        }
        exit;
    }
}
