package remap

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/docker-userns/docker-userns/internal/host"
	"github.com/docker-userns/docker-userns/internal/idmap"
	"github.com/docker-userns/docker-userns/internal/survey"
)

// Sides are what a host has in two data roots under the same names, and what
// containers of the remapped one have written outside of both.
type Sides struct {
	Volumes []Twin
	Mounts  []Written
	// Unread says why the volumes of the other data root could not be listed.
	Unread error
}

// Twin is a volume that both data roots have, each with data of its own: the one in
// the data root that is in use, and the one in the next.
type Twin struct {
	Name                  string
	Current, Next         LastWrite
	CurrentPath, NextPath string
}

// LastWrite is when something in a volume was last modified.
type LastWrite struct {
	At    time.Time
	Empty bool // nothing is in it
	Known bool // false if it was not found out in time
}

// Newer compares the two: above 0 if the current one was written last, below 0 if
// the next one was. ok is false if that is unknown.
func (t Twin) Newer() (order int, ok bool) {
	if !t.Current.Known || !t.Next.Known {
		return 0, false
	}
	if t.Current.Empty || t.Next.Empty {
		return cmp.Compare(btoi(t.Next.Empty), btoi(t.Current.Empty)), true
	}
	return t.Current.At.Compare(t.Next.At), true
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// Written is a path of the host that containers mount, and how many files in it
// belong to mapped users.
type Written struct {
	Path       string
	Containers []string
	Files      int
	Known      bool // false if it was not found out in time
}

// Limits of what is looked into: twice as many folders, and five seconds and
// 200,000 files each, forty seconds in all.
const (
	maxTwins     = 100
	maxMounts    = 50
	lookTime     = 40 * time.Second
	lookIntoTime = "5"
	lookIntoMost = "200000"
)

// volumeName is what the engine takes as one (volume/service of moby).
var volumeName = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9_.-]*$`)

// LookAtSides compares the volumes of the data root in use with those of the next
// one, and looks for files of mapped users in what the containers of a remapped
// engine mount from the host. m is the map in force.
func LookAtSides(ctx context.Context, h host.Host, f survey.Facts, next string, m idmap.Map) (Sides, error) {
	var s Sides
	if err := s.lookAtVolumes(ctx, h, f, next); err != nil {
		return s, fmt.Errorf("comparing the volumes of both data roots: %w", err)
	}
	if !f.Engine.Value.Remapped() {
		return s, nil
	}
	if err := s.lookAtMounts(ctx, h, f, m); err != nil {
		return s, fmt.Errorf("looking for files of mapped users: %w", err)
	}
	return s, nil
}

func (s *Sides) lookAtVolumes(ctx context.Context, h host.Host, f survey.Facts, next string) error {
	current, next := path.Join(f.Engine.Value.DataRoot, "volumes"), path.Join(next, "volumes")
	if f.Engine.Value.DataRoot == "" || current == next || len(f.Volumes.Value) == 0 {
		return nil
	}
	a, err := h.Look(ctx, host.Questions{Dirs: []string{next}})
	if err != nil {
		return err
	}
	there := a.Dirs[next]
	if there.Err != nil && !isMissing(there.Err) {
		s.Unread = there.Err
	}
	var folders []string
	for _, v := range f.Volumes.Value {
		if !slices.Contains(there.Names, v.Name) || !volumeName.MatchString(v.Name) || v.Driver != "local" && v.Driver != "" {
			continue
		}
		t := Twin{Name: v.Name, CurrentPath: path.Join(current, v.Name, "_data"), NextPath: path.Join(next, v.Name, "_data")}
		if s.Volumes = append(s.Volumes, t); len(s.Volumes) <= maxTwins {
			folders = append(folders, t.CurrentPath, t.NextPath)
		}
	}
	lines, err := lookInto(ctx, h, lastModified, folders)
	if err != nil {
		return err
	}
	for i := range s.Volumes[:len(folders)/2] {
		s.Volumes[i].Current, s.Volumes[i].Next = lastWrite(lines[2*i]), lastWrite(lines[2*i+1])
	}
	return nil
}

func lastWrite(said string) LastWrite {
	if said == "empty" {
		return LastWrite{Empty: true, Known: true}
	}
	seconds, err := strconv.ParseInt(said, 10, 64)
	if err != nil {
		return LastWrite{}
	}
	return LastWrite{At: time.Unix(seconds, 0).UTC(), Known: true}
}

func (s *Sides) lookAtMounts(ctx context.Context, h host.Host, f survey.Facts, m idmap.Map) error {
	users := map[string][]string{}
	for _, c := range f.Containers.Value {
		for _, mount := range c.Mounts {
			if p := f.Paths.Value[mount.Source]; mount.Type == "bind" && !c.HostUserns() && p.Stat.Err == nil && isData(p) {
				users[p.Real] = append(users[p.Real], c.Name)
			}
		}
	}
	paths := slices.Sorted(maps.Keys(users))
	lines, err := lookInto(ctx, h, mappedFiles(m), paths[:min(len(paths), maxMounts)])
	if err != nil {
		return err
	}
	for i, p := range paths {
		w := Written{Path: p, Containers: slices.Compact(users[p])}
		if i < len(lines) {
			var bad error
			w.Files, bad = strconv.Atoi(lines[i])
			w.Known = bad == nil
		}
		if !w.Known || w.Files > 0 {
			s.Mounts = append(s.Mounts, w)
		}
	}
	return nil
}

// isData leaves out sockets and devices, and what no files of a user are in.
func isData(p survey.Path) bool {
	if !path.IsAbs(p.Real) || !p.Stat.Mode.IsRegular() && !p.Stat.Mode.IsDir() {
		return false
	}
	return !slices.ContainsFunc([]string{"/proc", "/sys", "/dev"}, func(kernel string) bool { return survey.Within(p.Real, kernel) })
}

// into prints a line for each of the further arguments: what awk makes of the
// lines that stat(1) writes of all that is in it, or "?" if that took too long or
// was too much. $1 is the deadline of all, $2 that of one, $3 the format of stat,
// $4 the program of awk.
const into = `end=$(($(date +%s) + $1)) each=$2 format=$3 program=$4
shift 4
once() {
	timeout "$each" find "$1" -xdev -mindepth "$2" -exec stat -c "$format" {} + 2>/dev/null
	code=$?
	[ "$code" = 0 ] && echo end
	return "$code"
}
for d; do
	said='?' least=0
	[ ! -d "$d" ] || least=1
	for try in 1 2; do # a file that vanished meanwhile is worth a second look
		[ "$said" = '?' ] && [ ! -h "$d" ] && [ -e "$d" ] && [ "$(date +%s)" -lt "$end" ] || continue
		said=$(once "$d" "$least" | awk "$program")
	done
	printf '%s\n' "${said:-?}"
done`

// lastModified gives the time of the last modification, in seconds since 1970.
var lastModified = [2]string{"%Y", `$1 == "end" { whole = 1; next }
++n > ` + lookIntoMost + ` { exit }
$1 + 0 > last + 0 { last = $1 }
END { print !whole ? "?" : n ? last : "empty" }`}

// mappedFiles counts what belongs to host IDs of a map, by user or by group.
func mappedFiles(m idmap.Map) [2]string {
	within := func(field string, e idmap.Extents) string {
		var tests []string
		for _, x := range e {
			tests = append(tests, fmt.Sprintf("%s >= %d && %s < %d", field, x.HostID, field, x.HostID+x.Size))
		}
		if len(tests) == 0 {
			return "0"
		}
		return strings.Join(tests, " || ")
	}
	return [2]string{"%u %g", `$1 == "end" { whole = 1; next }
++n > ` + lookIntoMost + ` { exit }
` + within("$1", m.UID) + " || " + within("$2", m.GID) + ` { files++ }
END { print whole ? files + 0 : "?" }`}
}

// lookInto gives a line for each path.
func lookInto(ctx context.Context, h host.Host, what [2]string, paths []string) ([]string, error) {
	if len(paths) == 0 {
		return nil, nil
	}
	args := slices.Concat([]string{"sh", "-c", into, "sh", seconds(lookTime), lookIntoTime, what[0], what[1]}, paths)
	r, err := h.Run(ctx, host.Command{Args: args})
	if err != nil {
		return nil, err
	}
	lines := strings.Split(strings.TrimSuffix(string(r.Stdout), "\n"), "\n")
	if r.Code != 0 || len(lines) != len(paths) {
		return nil, &CommandError{Why: "looking into " + strings.Join(paths, ", "), Code: r.Code, Said: lastWords(r)}
	}
	return lines, nil
}
