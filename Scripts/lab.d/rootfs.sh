# shellcheck shell=bash
# The root file system that machines boot from: made once for each recipe.

# What a Debian server of the guide has; nothing of the mesh.
readonly rootfs_packages=systemd-sysv,dbus,libpam-systemd,libnss-myhostname,udev,kmod,openssh-server,dnsmasq,iptables,nftables,curl,bind9-host,bind9-dnsutils,procps,adduser,iproute2,iputils-ping,netcat-openbsd,ca-certificates,sudo,logrotate,libyaml-0-2,debsums,openssl

# rootfs_path DISTRIBUTION: where the file system of this recipe is or will be.
rootfs_path() {
    local recipe
    recipe=$(md5sum <"$root/Scripts/lab.d/rootfs.sh" | cut -c 1-12)
    printf '%s/%s-%s' "$lab_cache" "$1" "$recipe"
}

# Labs that begin at the same time wait for the one that makes it.
make_rootfs() {
    if [[ -d $(rootfs_path "$1") ]]; then return; fi
    mkdir -p -- "$lab_cache"
    (
        flock 9
        if [[ ! -d $(rootfs_path "$1") ]]; then make_rootfs_alone "$1"; fi
    ) 9>"$lab_cache/lock"
}

make_rootfs_alone() {
    local distribution=$1 target temporary
    target=$(rootfs_path "$distribution")
    say "making the root file system of Debian $distribution; this is kept"
    rm -rf -- "$lab_cache/$distribution"-* "$lab_cache"/new.*
    temporary=$(mktemp --directory "$lab_cache/new.XXXXXX")
    mmdebstrap --quiet --mode=root --variant=minbase --include="$rootfs_packages" \
        --aptopt='Acquire::Check-Valid-Until "false"' --aptopt='Acquire::Languages "none"' \
        --dpkgopt='force-unsafe-io' \
        --customize-hook='rm -f "$1/etc/hostname" "$1/etc/resolv.conf" "$1"/etc/ssh/ssh_host_*; : >"$1/etc/machine-id"' \
        --customize-hook='rm -rf "$1"/etc/apt/sources.list "$1"/etc/apt/sources.list.d/* "$1"/var/lib/apt/lists/*' \
        --customize-hook='echo "nameserver 127.0.0.1" >"$1/etc/resolv.conf"; : >"$1/etc/fstab"; mkdir -p "$1/var/log/journal"' \
        --customize-hook='echo "server=10.150.0.1" >"$1/etc/dnsmasq.d/upstream"' \
        --customize-hook='chroot "$1" passwd --delete --quiet root; install -d -m 700 "$1/root/.ssh"' \
        --customize-hook='chroot "$1" useradd --create-home --shell /bin/bash --uid 1000 person' \
        --customize-hook='chroot "$1" systemctl mask --quiet apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer fstrim.timer getty@tty1.service console-getty.service systemd-timesyncd.service 2>/dev/null || true' \
        --customize-hook='chroot "$1" systemctl enable --quiet systemd-networkd.service systemd-network-generator.service; chroot "$1" systemctl disable --quiet systemd-networkd-wait-online.service' \
        --customize-hook='chroot "$1" ssh-keygen -q -t ed25519 -N "" -f /etc/ssh/ssh_host_ed25519_key' \
        "$distribution" "$temporary/root" >&2 || {
        rm -rf -- "$temporary"
        fail 70 "the root file system could not be made: see above"
    }
    mv -- "$temporary/root" "$target"
    rm -rf -- "$temporary"
}
