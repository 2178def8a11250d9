package remap

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/docker-userns/docker-userns/internal/host"
	"github.com/docker-userns/docker-userns/internal/report"
	"github.com/docker-userns/docker-userns/internal/survey"
	"github.com/docker/go-units"
)

// Tree is a remapped root that nothing uses once remap is off, and what is in it.
type Tree struct {
	Path       string
	Size       int64 // bytes on the disk
	Containers int
	Images     int
	Volumes    []TreeVolume // those that hold something
}

// TreeVolume is a volume of the local driver in a remapped root.
type TreeVolume struct {
	Name string
	Size int64 // bytes on the disk
}

// Leftovers are the remapped roots that a host can do without once the engine
// does not remap: the one in use now, or where it does not remap, all that are
// there.
func Leftovers(f survey.Facts) []string {
	var paths []string
	for _, t := range f.Storage.Value.Trees {
		p := path.Join(f.Storage.Value.Real, t.Name)
		if t.InUse || !f.Engine.Value.Remapped() {
			paths = append(paths, p)
		}
	}
	return paths
}

// inventory prints a line for each thing worth naming of the tree in $1: its
// kind, a number, and a name that may hold anything but a newline.
const inventory = `cd -- "$1" || exit 1
set -- $(du -skx .) && echo "size $1"
echo "containers $(ls containers 2>/dev/null | wc -l)"
echo "images $(ls image/*/imagedb/content/sha256 2>/dev/null | wc -l)"
for v in volumes/*/_data; do
	[ -d "$v" ] || continue
	held=$(ls -A "$v") || exit 1
	[ -n "$held" ] || continue
	n=${v#volumes/} n=${n%/_data}
	set -- $(du -skx "$v") && echo "volume $1 $n"
done
echo end`

// Look takes stock of remapped roots. It reads every folder of theirs, which
// takes a while where there are many files.
func Look(ctx context.Context, h host.Host, paths []string) ([]Tree, error) {
	var trees []Tree
	for _, p := range paths {
		r, err := h.Run(ctx, host.Command{Args: []string{"sh", "-c", inventory, "sh", p}})
		if err == nil && r.Code != 0 {
			err = &CommandError{Why: "listing", Code: r.Code, Said: lastWords(r)}
		}
		if err == nil && !strings.HasSuffix(string(r.Stdout), "\nend\n") {
			err = errors.New("the list of it is too long to be read whole")
		}
		if err != nil {
			return nil, fmt.Errorf("taking stock of %s: %w", p, err)
		}
		trees = append(trees, treeOf(p, string(r.Stdout)))
	}
	return trees, nil
}

func treeOf(p, listing string) Tree {
	t := Tree{Path: p}
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
	return t
}

// Reclaim adds the deletion of trees to a plan that ends without remap. A volume
// that holds something is deleted only where it is named.
func (p *Plan) Reclaim(trees []Tree, named []string) error {
	if p.Restart != "" {
		return fmt.Errorf("deleting the remapped data root: the daemon uses it until it is restarted; restart it first (%s)", p.Restart)
	}
	var kept []string
	for _, t := range trees {
		for _, v := range t.Volumes {
			if !slices.Contains(named, v.Name) {
				kept = append(kept, fmt.Sprintf("%s (%s)", v.Name, t.Path))
			}
		}
	}
	if len(kept) > 0 {
		return fmt.Errorf("deleting the remapped data root: these volumes hold something: %s; carry it over, or name each with --yes=VOLUME to delete it too", strings.Join(kept, ", "))
	}
	for _, t := range trees {
		p.Steps = append(p.Steps, Step{
			Name:  StepReclaim,
			Title: fmt.Sprintf("Delete %s: %s, %s, %s", t.Path, units.HumanSize(float64(t.Size)), report.Count(t.Containers, "container"), report.Count(t.Images, "image")),
			Acts:  []Act{run("deleting "+t.Path, slices.Concat([]string{"sh", "-c", deletion, "sh", t.Path}, named)...)},
		})
	}
	return nil
}

// deletion leaves a tree alone in which something is mounted, since that is not
// the tree's, or in which a volume that is not among the further arguments has
// come to hold something.
const deletion = `t=$1
shift
at=$(printf '%s\n' "$t" | sed 's/\\/\\134/g; s/ /\\040/g; s/	/\\011/g') && [ -n "$at" ] || exit 1
while read -r _ _ _ _ mounted _; do
	case $mounted/ in "$at"/*) echo "$mounted is mounted there: unmount it, and run this again" >&2; exit 1 ;; esac
done </proc/self/mountinfo || exit 1
for v in "$t"/volumes/*/_data; do
	[ -d "$v" ] || continue
	held=$(ls -A "$v") || exit 1
	[ -n "$held" ] || continue
	n=${v#"$t"/volumes/} n=${n%/_data}
	for named; do [ "$named" != "$n" ] || continue 2; done
	echo "volume $n holds something by now: carry it over, or name it with --yes=VOLUME" >&2
	exit 1
done
one=--one-file-system
rm $one --version >/dev/null 2>&1 || one= # busybox
exec rm -rf $one -- "$t"`
