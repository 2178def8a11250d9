package imagetest_test

import (
	"os/exec"
	"testing"

	"gotest.tools/v3/assert"
)

// tools is the tree of the image "base", as a tar: busybox, and this machine's bash and the
// programs of its package passwd.
func tools(t *testing.T) []byte {
	t.Helper()
	root := t.TempDir()
	out, err := exec.Command("sh", "-euc", toolsTree, "sh", root).CombinedOutput()
	assert.NilError(t, err, "%s", out)
	tree, err := exec.Command("tar", "-C", root, "--owner=0", "--group=0", "-c", ".").Output()
	assert.NilError(t, err)
	return tree
}

const toolsTree = `
root=$1
mkdir -p "$root/bin" "$root/etc" "$root/root" "$root/home" "$root/opt" "$root/srv" "$root/var/cache" "$root/tmp"
chmod 1777 "$root/tmp"
cp "$(readlink -f "$(command -v busybox)")" "$root/bin/busybox"
for applet in $(busybox --list); do
	[ -e "$root/bin/$applet" ] || ln -s busybox "$root/bin/$applet"
done
for program in bash chown install useradd groupadd usermod groupmod; do
	file=$(PATH=$PATH:/usr/sbin:/sbin command -v $program) || continue
	rm -f "$root/bin/$program"
	cp -L "$file" "$root/bin/$program"
	for library in $(ldd "$file" | grep -o '/[^ ]*'); do
		mkdir -p "$root$(dirname "$library")"
		[ -e "$root$library" ] || cp -L "$library" "$root$library"
	done
done
echo root:x:0:0:root:/root:/bin/sh >"$root/etc/passwd"
echo root:x:0: >"$root/etc/group"
: >"$root/etc/login.defs"
: >"$root/etc/shadow"
# Debian's busybox has no adduser and addgroup.
cat >"$root/bin/addgroup" <<'END'
#!/bin/sh
while getopts g: o; do gid=$OPTARG; done
shift $((OPTIND - 1))
echo "$1:x:$gid:" >>/etc/group
END
cat >"$root/bin/adduser" <<'END'
#!/bin/sh -e
while getopts Du:G: o; do
	case $o in
	u) uid=$OPTARG ;;
	G) group=$OPTARG ;;
	esac
done
shift $((OPTIND - 1))
[ -n "$group" ] || { addgroup -g "$uid" "$1" && group=$1; }
gid=$(grep "^$group:" /etc/group | cut -d: -f3)
echo "$1:x:$uid:$gid::/home/$1:/bin/sh" >>/etc/passwd
mkdir "/home/$1"
chown "$uid:$gid" "/home/$1"
END
chmod 755 "$root/bin/addgroup" "$root/bin/adduser"
`
