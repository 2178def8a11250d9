package carry_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/carry"
	"github.com/docker-userns/docker-userns/internal/idmap"
)

const first = 100000 // the first host ID of the map

var (
	shift = carry.Shift{Map: idmap.Single(first, idmap.Default)}
	back  = carry.Shift{Map: idmap.Single(first, idmap.Default), Back: true}
)

// shifted is the owner that a copy has, by another way than the package's.
func shifted(uid, gid uint32) (uint32, uint32) {
	if uid < idmap.Default {
		uid += first
	}
	if gid < idmap.Default {
		gid += first
	}
	return uid, gid
}

func needRoot(t *testing.T) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root: it makes devices and gives files to others")
	}
}

// sh runs a script in a folder.
func sh(t *testing.T, dir, script string) string {
	t.Helper()
	cmd := exec.Command("sh", "-euc", script)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	assert.NilError(t, err, "%s", out)
	return strings.TrimSpace(string(out))
}

// everything makes a folder with all types of files, and odd ones of each.
func everything(t *testing.T) string {
	t.Helper()
	needRoot(t)
	if _, err := exec.LookPath("setfacl"); err != nil {
		t.Skip("needs setfacl, which is not installed (on Debian: apt-get install acl)")
	}
	dir := t.TempDir()
	sh(t, dir, `
		umask 022
		mkdir -p plain/deep/er sticky setgid closed many 'odd
name' default
		echo text >plain/file; : >plain/empty; head -c 300000 /dev/urandom >plain/large
		printf 'a\n' >'odd
name/-rf *'
		truncate -s 20M sparse; printf x | dd of=sparse bs=1 seek=10000000 conv=notrunc status=none
		truncate -s 1M hole
		ln -s /etc/passwd absolute; ln -s nowhere/../.. dangling; ln -s plain link; chown -h 7:8 link
		echo linked >a; ln a b; ln a plain/deep/c
		mkfifo fifo; mknod block b 7 200; mknod char c 1 3; mknod whiteout c 0 0; ln whiteout whiteout2
		chown 1000:2000 plain/file fifo; chown 65535:65535 plain/large; chown 65536:70000 hole; chown 100000:100000 sparse
		cp /bin/true setuid; chown 5:5 setuid; chmod 6755 setuid
		chmod 1777 sticky; chown 0:50 setgid; chmod 2775 setgid; chmod 0 closed plain/empty
		i=0; while [ $i -lt 600 ]; do echo $i >many/$i; i=$((i+1)); done
		setfacl -m u:1000:rw,g:2000:r,u:70000:r plain/file
		setfacl -m d:u:33:rwx,d:g:65535:rx,u:44:x default
		touch -h -d '2001-02-03 04:05:06.789' link; touch -d '1970-01-01 00:00:01' plain/file plain/deep fifo char
	`)
	for name, attributes := range map[string]map[string]string{
		"plain/file": {"user.note": "kept", "user.empty": "", "trusted.secret": "\x00\x01"},
		"plain":      {"trusted.overlay.opaque": "y", "trusted.overlay.origin": "here", "trusted.overlay.impure": "y"},
		"setuid":     {"security.capability": "\x01\x00\x00\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"},
		"whiteout":   {"trusted.note": "on a device"},
		"link":       {"trusted.note": "on a link"},
	} {
		for key, value := range attributes {
			assert.NilError(t, unix.Lsetxattr(filepath.Join(dir, name), key, []byte(value), 0), "%s %s", name, key)
		}
	}
	socket, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	assert.NilError(t, err)
	assert.NilError(t, unix.Bind(socket, &unix.SockaddrUnix{Name: filepath.Join(dir, "socket")}))
	assert.NilError(t, unix.Close(socket))
	return dir
}

// want describes the copy of a tree: the owners and ACLs shifted, and all else the same.
func want(t *testing.T, from string) map[string]string {
	t.Helper()
	lines := tree(t, from, shifted)
	for path, line := range lines {
		for _, id := range []int{33, 44, 1000, 2000, 65535} { // those of ACLs, in hexadecimal
			old, shifted := hexOf(id), hexOf(id+first)
			words := strings.Split(line, " ")
			for i, word := range words {
				if strings.HasPrefix(word, "system.posix_acl") {
					words[i] = strings.ReplaceAll(word, old, shifted)
				}
			}
			line = strings.Join(words, " ")
		}
		lines[path] = line
	}
	return lines
}

func hexOf(id int) string {
	return fmt.Sprintf("%02x%02x%02x%02x", id&0xff, id>>8&0xff, id>>16&0xff, id>>24&0xff)
}

func target(t *testing.T) string { return filepath.Join(t.TempDir(), "copy") }

func TestTree(t *testing.T) {
	from := everything(t)
	for _, workers := range []int{1, 4} {
		to, progress := target(t), &carry.Progress{}
		assert.NilError(t, carry.Tree(t.Context(), from, to, carry.Options{Shift: shift, Workers: workers, Progress: progress}))
		equal(t, tree(t, to, same), want(t, from))
		assert.Equal(t, progress.Unmapped.Load(), int64(2), "sparse and hole")
		assert.Equal(t, sh(t, to, "getfacl -nc plain/file default | grep -v -e :: -e '^$'"), "user:70000:r--\nuser:101000:rw-\ngroup:102000:r--\nuser:100044:--x\ndefault:user:100033:rwx\ndefault:group:165535:r-x")
		assert.Equal(t, sh(t, to, "stat -c %b sparse hole"), sh(t, from, "stat -c %b sparse hole"), "holes stay holes")
	}
}

// A layer of overlay2 keeps what belongs to it, without the kernel's marks of its mount.
func TestLayer(t *testing.T) {
	from, to := everything(t), target(t)
	assert.NilError(t, carry.Tree(t.Context(), from, to, carry.Options{Shift: shift, Layer: true}))
	expected := want(t, from)
	expected["plain"] = strings.ReplaceAll(strings.ReplaceAll(expected["plain"], " trusted.overlay.origin=68657265", ""), " trusted.overlay.impure=79", "")
	equal(t, tree(t, to, same), expected)
}

func TestThereAndBack(t *testing.T) {
	from, there, again := everything(t), target(t), target(t)
	sh(t, from, "chown 0:0 sparse") // whose owner is the map's first host ID, and would become root's
	assert.NilError(t, carry.Tree(t.Context(), from, there, carry.Options{Shift: shift}))
	assert.NilError(t, carry.Tree(t.Context(), there, again, carry.Options{Shift: back}))
	equal(t, tree(t, again, same), tree(t, from, same))
}

// Each of these changes the source in a way that the next copy has to notice.
func TestNextCopy(t *testing.T) {
	for name, change := range map[string]string{
		"nothing":          ``,
		"append":           `echo more >>plain/file`,
		"in place":         `printf X | dd of=plain/large bs=1 seek=1000 conv=notrunc status=none`,
		"with old times":   `cp -p plain/file ../was; echo TEXT >plain/file; touch -r ../was plain/file`,
		"rename over":      `echo other >new; mv new plain/file`,
		"shorter":          `truncate -s 10 plain/large; : >a`,
		"sparse":           `printf y | dd of=sparse bs=1 seek=18000000 conv=notrunc status=none; truncate -s 2M hole`,
		"removed":          `rm -r plain many/7 fifo b`,
		"new":              `mkdir -p plain/new/er; echo 1 >plain/new/er/f; echo 2 >many/new; mkfifo plain/fifo`,
		"folder to file":   `rm -r plain; echo file >plain`,
		"file to folder":   `rm sparse; mkdir sparse; echo in >sparse/file`,
		"link to folder":   `rm link; mkdir link; echo in >link/file`,
		"folder to link":   `mv many plain; ln -s plain/many many`,
		"new name":         `ln a plain/another; ln setuid setuid2`,
		"changed, linked":  `echo changed >a`,
		"unlinked":         `rm a; echo else >a`,
		"other links":      `rm b; ln plain/file b`,
		"moved with links": `mv plain elsewhere`,
		"owner":            `chown 12:13 plain/file many; chown -h 14:15 absolute fifo`,
		"mode":             `chmod 700 plain/file many; chmod 4711 setuid; chmod 600 fifo`,
		"ACL":              `setfacl -b plain/file; setfacl -k default; setfacl -m u:33:r a many`,
		"default ACL":      `echo under >default/file; mkdir default/folder; mknod default/whiteout c 0 0`,
		"times":            `touch -d '2010-01-01' plain many/3; touch -h -d '2011-01-01' link`,
		"device":           `rm char; mknod char c 1 5`,
		"folder emptied":   `rm -r many; mkdir many`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			from, to := everything(t), target(t)
			memory := filepath.Join(t.TempDir(), "seen")
			sh(t, from, "sleep 0.02") // beyond the tick of the kernel's clock
			copyWith(t, from, to, memory)
			sh(t, from, change)
			sh(t, from, "sleep 0.02")
			progress := copyWith(t, from, to, memory)
			equal(t, tree(t, to, same), want(t, from))
			if name == "nothing" {
				assert.Equal(t, progress.Copied.Load(), int64(0))
			}
			assert.Assert(t, progress.Unchanged.Load() > 20, "%d", progress.Unchanged.Load())
			progress = copyWith(t, from, to, memory)
			assert.Equal(t, progress.Copied.Load(), int64(0), "the third copy has nothing to do")
			equal(t, tree(t, to, same), want(t, from))
		})
	}
}

func copyWith(t *testing.T, from, to, memory string) *carry.Progress {
	t.Helper()
	seen, err := carry.OpenSeen(memory)
	assert.NilError(t, err)
	progress := &carry.Progress{}
	assert.NilError(t, carry.Tree(t.Context(), from, to, carry.Options{Shift: shift, Workers: 3, Live: true, Seen: seen, Progress: progress}))
	assert.NilError(t, seen.Close())
	return progress
}

// A copy that is interrupted anywhere goes on, and ends as if it had not been.
func TestInterrupted(t *testing.T) {
	from, to := everything(t), target(t)
	memory := filepath.Join(t.TempDir(), "seen")
	interrupted := 0
	for pause := 200 * time.Microsecond; ; pause += pause / 2 {
		seen, err := carry.OpenSeen(memory)
		assert.NilError(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), pause)
		err = carry.Tree(ctx, from, to, carry.Options{Shift: shift, Workers: 3, Seen: seen})
		cancel()
		assert.NilError(t, seen.Close())
		if err == nil {
			break
		}
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		interrupted++
	}
	assert.Assert(t, interrupted > 2)
	equal(t, tree(t, to, same), want(t, from))
}
