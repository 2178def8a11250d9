package survey

import (
	"context"
	"errors"
	"path"
	"strconv"
	"strings"

	"github.com/docker-userns/docker-userns/internal/grant"
	"github.com/docker-userns/docker-userns/internal/host"
)

// Inside is what a directory holds on its own file system, itself included.
type Inside struct {
	Kinds []grant.Kind // each once
	// Odd says that it holds hard links, which lead out of it, files as they lie
	// in a home, or the state of an engine.
	Odd bool
	Err error // it was not looked into to its end; the rest is a part then
}

// Limits of looking into directories.
const (
	maxInside  = 32    // directories
	maxEntries = 20000 // files of each
	maxKinds   = 500
	insideTime = "5" // seconds, for all together
)

var (
	errCut     = errors.New("it holds too much to be looked into")
	errNoClean = errors.New("not all of it could be read")
)

// insideScript writes for each directory a line "D", a line "K MODE UID GID" for
// each kind of file, "odd", and how it ended. Names are never printed: a name that
// find(1) complains of can hold anything, and only ever adds a line.
var insideScript = `LC_ALL=C; export LC_ALL
for d do
	echo D
	[ -d "$d" ] && [ ! -h "$d" ] || continue
	how=$(find "$d" -xdev -exec stat -c '%f %u %g' -- {} + 2>&1 | awk '
		/^[0-9a-f]+ [0-9]+ [0-9]+$/ { if (++n > ` + strconv.Itoa(maxEntries) + `) { cut = 1; exit } if (!($0 in seen)) { seen[$0]; if (++k > ` + strconv.Itoa(maxKinds) + `) { cut = 1; exit } print "K " $0 } next }
		/: No such file or directory$/ { next }
		{ bad = 1 }
		END { print cut ? "cut" : bad ? "bad" : "whole" }')
	printf '%s\n' "$how"
	case $how in *whole) ;; *) continue ;; esac
	[ -z "$(find "$d" -xdev \( -type f -links +1 ` + oddNames() + ` \) -print 2>/dev/null | head -c 1)" ] || echo odd
	echo end
done`

// OddNames are names of files as they lie in a home directory, and OddPaths ends of paths
// that show the state of an engine or a runtime.
func OddNames() (names, paths []string) {
	return []string{".ssh", ".gnupg", ".bashrc", ".profile", ".bash_profile", "authorized_keys"}, signs
}

func oddNames() string {
	var b strings.Builder
	names, paths := OddNames()
	for _, name := range names {
		b.WriteString(" -o -name " + name)
	}
	for _, end := range paths {
		b.WriteString(" -o -path '*/" + end + "'")
	}
	return b.String()
}

// lookInto looks into directories, in one round trip.
func (l *look) lookInto(ctx context.Context, dirs []string) map[string]*Inside {
	dirs = dirs[:min(len(dirs), maxInside)]
	if len(dirs) == 0 {
		return nil
	}
	args := append([]string{"timeout", insideTime, "sh", "-c", insideScript, "sh"}, dirs...)
	a, err := l.host.Look(ctx, host.Questions{Commands: []host.Command{{Args: args}}})
	if err != nil || len(a.Commands) != 1 {
		return nil
	}
	return insides(dirs, string(a.Commands[0].Stdout))
}

// insides reads what insideScript writes.
func insides(dirs []string, out string) map[string]*Inside {
	found := map[string]*Inside{}
	at := -1
	var in *Inside
	ended := ""
	for line := range strings.Lines(out) {
		line = strings.TrimSuffix(line, "\n")
		if line == "D" {
			if at++; at >= len(dirs) {
				return found
			}
			in, ended = &Inside{Err: errCut}, ""
			found[dirs[at]] = in
			continue
		}
		if in == nil {
			continue
		}
		switch k, ok := kindOf(line); {
		case ok && len(in.Kinds) < maxKinds:
			in.Kinds = append(in.Kinds, k)
		case line == "odd":
			in.Odd = true
		case line == "whole":
			ended = line
		case line == "bad":
			in.Err = errNoClean
		case line == "end" && ended == "whole" && len(in.Kinds) > 0:
			in.Err = nil
		}
	}
	return found
}

func kindOf(line string) (grant.Kind, bool) {
	f := strings.Fields(line)
	if len(f) != 4 || f[0] != "K" {
		return grant.Kind{}, false
	}
	mode, err := strconv.ParseUint(f[1], 16, 32)
	uid, okUID := id(f[2])
	gid, okGID := id(f[3])
	return grant.Kind{Mode: host.FileMode(uint32(mode)), UID: uid, GID: gid}, err == nil && okUID && okGID
}

// addInside puts what directories hold into the paths that lead to them.
func (f *Facts) addInside(found map[string]*Inside) {
	for source, p := range f.Paths.Value {
		if in, ok := found[path.Clean(p.Real)]; ok {
			p.Inside = in
			f.Paths.Value[source] = p
		}
	}
}
