package remap

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/docker/go-units"

	"github.com/docker-userns/docker-userns/internal/host"
	"github.com/docker-userns/docker-userns/internal/probe"
	"github.com/docker-userns/docker-userns/internal/report"
)

// Tree is a remapped root that nothing uses once remap is off, and what is in it.
type Tree struct {
	Path       string
	Size       int64 // bytes on the disk
	Containers int
	Images     int
	Volumes    []TreeVolume // those that hold something

	uid, gid int64  // of the remapped root
	born     string // when it was made, as stat -c %W says it
}

// TreeVolume is a volume of the local driver in a remapped root.
type TreeVolume struct {
	Name string
	Size int64 // bytes on the disk
}

// ofDockerd is a shell function: the folder $1 is the one that dockerd made at $2
// for the IDs $3 and $4, and holds what dockerd puts into a data root, and nothing
// else.
const ofDockerd = `of_dockerd() {
	[ -d "$1" ] && [ ! -h "$1" ] || { echo "$1 is not a directory" >&2; return 1; }
	case $(stat -c '%u:%g %a' -- "$1") in
	"0:$4 7"[0-5][0-5] | "0:0 7"[0-5][0-5] | "$3:$4 7"[0-5][0-5]) ;;
	*) echo "$1 does not have the owner and mode that dockerd gave it" >&2; return 1 ;;
	esac
	now=$(stat -c %W -- "$1")
	case $2-$now in
	*[!0-9-]* | -* | *- | 0-* | *-0 | "$now-$now") ;; # not known, or the same
	*) echo "$1 was created again by somebody else" >&2; return 1 ;;
	esac
	for f in containers volumes; do
		[ -d "$1/$f" ] || { echo "$1 has no directory $f, so it is not a data root" >&2; return 1; }
	done
	for f in "$1"/* "$1"/.[!.]* "$1"/..?*; do
		[ -e "$f" ] || [ -h "$f" ] || continue
		case ${f##*/} in
		builder | buildkit | containerd | containers | engine-id | image | network | nuke-graph-directory.sh | plugins | runtimes | swarm | tmp | tmp-old | trust | volumes) ;;
		aufs | btrfs | devicemapper | fuse-overlayfs | overlay | overlay2 | vfs | zfs | check-overlayfs-support*) ;;
		*) echo "$f does not belong to dockerd: move it away first" >&2; return 1 ;;
		esac
	done
}
`

// content is a shell function that gives what the volume in the folder $1 holds,
// without what a probe has left in one that nobody named. Inodes come first, since a
// name may consist of newlines, which the shell takes off the end.
const content = `content() {
	held=$(ls -Ai -- "$1/_data") || exit 1
	case ${1##*/} in
	*[!0-9a-f]*) ;;
	*) [ "$(printf %s "${1##*/}" | wc -c)" -ne 64 ] || held=$(printf '%s\n' "$held" | grep -v '^ *[0-9]* ` + probe.Name + `') ;;
	esac
	printf '%s\n' "$held"
}
`

// inventory takes the arguments of of_dockerd, and prints a line for each thing worth
// naming of the tree in $1: its kind, a number, and a name that may hold anything but a
// newline.
const inventory = ofDockerd + content + `of_dockerd "$@" && cd -- "$1" || exit 1
set -- $(du -skx .) && echo "size $1"
echo "containers $(ls containers 2>/dev/null | wc -l)"
echo "images $(ls image/*/imagedb/content/sha256 2>/dev/null | wc -l)"
for v in volumes/*/_data; do
	[ -d "$v" ] || continue
	held=$(content "${v%/_data}") || exit 1
	[ -n "$held" ] || continue
	n=${v#volumes/} n=${n%/_data}
	set -- $(du -skx "$v") && echo "volume $1 $n"
done
echo end`

// Look takes stock of remapped roots. It reads every folder of theirs, which
// takes a while if there are many files.
func Look(ctx context.Context, h host.Host, which []Tree) ([]Tree, error) {
	var trees []Tree
	for _, t := range which {
		p := t.Path
		r, err := h.Run(ctx, host.Command{Args: append([]string{"sh", "-c", inventory, "sh"}, t.identity()...)})
		if err == nil && r.Code != 0 {
			err = &CommandError{Why: "listing", Code: r.Code, Said: lastWords(r)}
		}
		if err == nil && !strings.HasSuffix(string(r.Stdout), "\nend\n") {
			err = errors.New("the list is too long to read")
		}
		if err != nil {
			return nil, fmt.Errorf("listing the content of %s: %w", p, err)
		}
		t.list(string(r.Stdout))
		trees = append(trees, t)
	}
	return trees, nil
}

// identity are the arguments of of_dockerd.
func (t Tree) identity() []string {
	return []string{t.Path, t.born, fmt.Sprint(t.uid), fmt.Sprint(t.gid)}
}

// list fills in what the inventory says.
func (t *Tree) list(listing string) {
	for line := range strings.Lines(listing) {
		kind, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		number, name, _ := strings.Cut(rest, " ")
		n, _ := strconv.ParseInt(number, 10, 64)
		switch kind {
		case "size":
			t.Size = n << 10
		case "containers":
			t.Containers = int(n)
		case "images":
			t.Images = int(n)
		case "volume":
			t.Volumes = append(t.Volumes, TreeVolume{Name: name, Size: n << 10})
		}
	}
}

// reclaiming are the steps that delete trees, once remap is off. A volume that holds
// something is deleted only if it is named.
func reclaiming(p Plan, trees []Tree, named []string) ([]Step, error) {
	switch {
	case len(trees) == 0:
		return nil, nil
	case p.Restart != "":
		return nil, fmt.Errorf("deleting the remapped data root: the daemon uses it until it is restarted; restart it first on %s (%s)", p.On, p.Restart)
	case p.Down && !p.Restarts:
		return nil, errors.New("deleting the remapped data root: the daemon is down, so it is unknown whether it uses it; start it first")
	}
	var steps []Step
	var kept []string
	for _, t := range trees {
		for _, v := range t.Volumes {
			if !slices.Contains(named, v.Name) {
				kept = append(kept, fmt.Sprintf("%s (%s)", v.Name, t.Path))
			}
		}
		steps = append(steps, Step{
			Name:  "reclaim",
			Title: fmt.Sprintf("Delete %s: %s, %s, %s", t.Path, units.HumanSize(float64(t.Size)), report.Count(t.Containers, "container"), report.Count(t.Images, "image")),
			Busy:  "deleting the remapped data root",
			Acts:  []Act{run("deleting "+t.Path, slices.Concat([]string{"sh", "-c", deletion, "sh"}, t.identity(), named)...)},
			Fails: Keep,
		})
	}
	if len(kept) > 0 {
		return nil, fmt.Errorf("deleting the remapped data root: these volumes are not empty: %s; copy what you need, or name each with --yes=VOLUME to delete it too", strings.Join(kept, ", "))
	}
	return steps, nil
}

// deletion deletes the tree $1 that was made at $2 for the IDs $3 and $4. It leaves
// alone one that is not as dockerd made it, one in which something is mounted, since
// that is not the tree's, and one in which a volume that is not among the further
// arguments has come to hold something.
const deletion = ofDockerd + content + `of_dockerd "$@" || exit 1
t=$1
shift 4
at=$(printf '%s\n' "$t" | sed 's/\\/\\134/g; s/ /\\040/g; s/	/\\011/g') && [ -n "$at" ] || exit 1
while read -r _ _ _ _ mounted _; do
	case $mounted/ in "$at"/*) echo "$mounted is mounted there: unmount it, and run this again" >&2; exit 1 ;; esac
done </proc/self/mountinfo || exit 1
for v in "$t"/volumes/*/_data; do
	[ -d "$v" ] || continue
	held=$(content "${v%/_data}") || exit 1
	[ -n "$held" ] || continue
	n=${v#"$t"/volumes/} n=${n%/_data}
	for named; do [ "$named" != "$n" ] || continue 2; done
	echo "volume $n is no longer empty: copy what you need, or name it with --yes=VOLUME" >&2
	exit 1
done
chmod 700 -- "$t" || exit 1 # what goes down through it may follow links, so nobody else is to be in it
one=--one-file-system
rm $one --version >/dev/null 2>&1 || one= # busybox
rm -rf $one -- "$t" || exit 1
[ ! -e "$t" ] || { echo "$t still exists" >&2; exit 1; }`
