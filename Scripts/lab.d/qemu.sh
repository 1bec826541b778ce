# shellcheck shell=bash disable=SC2154 # common.sh and Scripts/lab set the variables
# Machines with their own kernel: QEMU, with KVM if a guest really boots with it, otherwise by emulation.

qemu_folder() { printf '%s-qemu' "$(rootfs_path "$1")"; }

# make_qemu DISTRIBUTION: makes kernel, initial file system, and a disk with the root file system and the kernel's modules.
make_qemu() {
    local distribution=$1 program
    for program in qemu-system-x86_64 busybox cpio debugfs mkfs.ext4; do
        command -v "$program" >/dev/null || fail 70 "'$program' is missing: run Scripts/setup --qemu"
    done
    if [[ -e $(qemu_folder "$distribution")/disk ]]; then return; fi
    (
        flock 9
        if [[ ! -e $(qemu_folder "$distribution")/disk ]]; then make_qemu_alone "$distribution"; fi
    ) 9>"$lab_cache/lock"
}

make_qemu_alone() {
    local temporary target version kernel
    target=$(qemu_folder "$1")
    say "making kernel and disk of Debian $1 for QEMU; this is kept"
    temporary=$(mktemp --directory "$lab_cache/new.XXXXXX")
    kernel=$(apt-cache depends linux-image-cloud-amd64 | sed -n 's/.*Depends: \(linux-image-.*\)/\1/p' | head -n 1)
    [[ -n $kernel ]] || fail 70 "apt knows no package linux-image-cloud-amd64: run 'apt-get update'"
    (cd -- "$temporary" && apt-get -qq -o APT::Sandbox::User=root download "$kernel") ||
        fail 70 "cannot download the package $kernel: run 'apt-get update'"
    dpkg -x "$temporary"/linux-image-*.deb "$temporary/package"
    version=$(basename "$temporary"/package/lib/modules/*)
    mkdir -p -- "$temporary/out"
    mv -- "$temporary"/package/boot/vmlinuz-* "$temporary/out/kernel"
    make_initial "$temporary/package/lib/modules/$version" "$temporary/initial" "$temporary/out/initial"
    cp -a --reflink=auto -- "$(rootfs_path "$1")" "$temporary/root"
    add_modules "$temporary/package/lib/modules/$version" "$temporary/root" "$version"
    truncate --size 3G "$temporary/out/disk"
    mkfs.ext4 -q -F -O ^has_journal -E lazy_itable_init=1,root_owner=0:0 -L root -d "$temporary/root" "$temporary/out/disk"
    mv -- "$temporary/out" "$target"
    rm -rf -- "$temporary"
}

# add_modules FROM ROOT VERSION: adds the modules that a guest needs besides its disk's, above all the packet filter's.
add_modules() {
    local part
    for part in net lib crypto fs/autofs fs/fuse fs/overlayfs drivers/net drivers/virtio drivers/char/hw_random; do
        if [[ -d $1/kernel/$part ]]; then
            mkdir -p -- "$2/usr/lib/modules/$3/kernel/$part"
            cp -r -- "$1/kernel/$part/." "$2/usr/lib/modules/$3/kernel/$part/"
        fi
    done
    cp -- "$1"/modules.{builtin,builtin.modinfo,order} "$2/usr/lib/modules/$3/"
    chroot "$2" depmod "$3"
}

# make_initial MODULES FOLDER FILE: makes an initial file system that loads the disk's drivers and boots from the disk. With
# 'lab.stop' on the kernel command line it stops before: its word on the console proves that guests boot here.
make_initial() {
    local module
    mkdir -p -- "$2"/{bin,dev,lib,mnt,proc,sys}
    cp -- "$(command -v busybox)" "$2/bin/busybox"
    for module in drivers/virtio/{virtio_ring,virtio,virtio_pci_legacy_dev,virtio_pci_modern_dev,virtio_pci} \
        drivers/block/virtio_blk; do
        if [[ -e $1/kernel/$module.ko ]]; then
            cp -- "$1/kernel/$module.ko" "$2/lib/"
            printf '%s\n' "${module##*/}" >>"$2/lib/order"
        fi
    done
    cat >"$2/init" <<'END'
#!/bin/busybox sh
box=/bin/busybox
$box mount -t devtmpfs dev /dev
$box mount -t proc proc /proc
$box mount -t sysfs sys /sys
echo lab-initial
if $box grep -q lab.stop /proc/cmdline; then $box poweroff -f; fi
while read -r module; do $box insmod "/lib/$module.ko"; done </lib/order
until [ -b /dev/vda ]; do $box sleep 0.1; done
$box mount -t ext4 /dev/vda /mnt
for folder in dev proc sys; do $box mount --move /$folder /mnt/$folder; done
exec $box switch_root /mnt /sbin/init
END
    chmod +x -- "$2/init"
    (cd -- "$2" && find . | cpio --create --format newc --quiet --owner 0:0 | gzip -1) >"$3"
}

# kvm_boots DISTRIBUTION: a device and successful calls prove nothing; a guest that prints its word within 8 s does.
kvm_boots() {
    local folder console
    folder=$(qemu_folder "$1")
    if [[ -e $folder/kvm ]]; then
        [[ $(cat -- "$folder/kvm") == yes ]]
        return
    fi
    console=$(mktemp)
    if [[ -w /dev/kvm ]]; then
        # In its own shell, which hides the message that the program was aborted.
        bash -c 'timeout 8 "$@"' probe qemu-system-x86_64 -accel kvm -cpu host -m 256 -nodefaults -no-user-config -display none -no-reboot \
            -kernel "$folder/kernel" -initrd "$folder/initial" -append 'console=ttyS0 quiet panic=-1 lab.stop' \
            -serial "file:$console" >/dev/null 2>&1 </dev/null || true
    fi
    if grep -q --text lab-initial "$console"; then echo yes; else echo no; fi >"$folder/kvm"
    rm -f -- "$console"
    [[ $(cat -- "$folder/kvm") == yes ]]
}

# qemu_boot NAME: boots from the machine's own copy of the disk, with its own identity.
qemu_boot() {
    local folder=$lab_run/machines/$1 file
    cp --sparse=always -- "$(qemu_folder "$(cat -- "$folder/distribution")")/disk" "$folder/disk"
    for file in etc/hosts etc/hostname root/.ssh/authorized_keys; do
        printf 'rm /%s\nwrite %s /%s\nset_inode_field /%s uid 0\nset_inode_field /%s gid 0\n' \
            "$file" "$folder/upper/$file" "$file" "$file" "$file"
    done | debugfs -w -f /dev/stdin "$folder/disk" >"$folder/debugfs" 2>&1
    qemu_start "$1"
}

qemu_start() {
    local name=$1 folder=$lab_run/machines/$1 port=t-$1 base address
    local -a processor=(-accel "tcg,thread=multi,tb-size=256" -cpu max)
    base=$(qemu_folder "$(cat -- "$folder/distribution")")
    address=$(machine_address "$name")
    if [[ $(machine_backend "$name") == kvm ]]; then processor=(-accel kvm -cpu host); fi
    ip -n "$switch_ns" link delete "$port" 2>/dev/null || true
    ip -n "$switch_ns" tuntap add "$port" mode tap
    ip -n "$switch_ns" link set "$port" master br0 up
    detach "$folder/qemu" ip netns exec "$switch_ns" qemu-system-x86_64 "${processor[@]}" -machine q35 -m 1024 \
        -smp 2 -nodefaults -no-user-config -display none -kernel "$base/kernel" -initrd "$base/initial" \
        -append "console=ttyS0 root=/dev/vda rw net.ifnames=0 quiet mitigations=off audit=0 apparmor=0 random.trust_cpu=on ip=$address::$vm_network.1:255.255.255.0::eth0:none" \
        -drive "if=none,id=disk,file=$folder/disk,format=raw,cache=unsafe" -device virtio-blk-pci,drive=disk \
        -netdev "tap,id=net,ifname=$port,script=no,downscript=no" \
        -device "virtio-net-pci,netdev=net,mac=52:54:00:96:00:$(printf '%02x' "${address##*.}")" \
        -device virtio-rng-pci -serial "file:$folder/console"
    remember "machine-$name" $!
}
