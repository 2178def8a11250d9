package host

import (
	"fmt"
	"math"
	"path"
	"slices"
	"sort"
	"strings"

	"github.com/docker-userns/docker-userns/internal/sh"
)

// An op is one question as a session asks it: what the shell is to do, and how
// to read the records that it answers with.
type op struct {
	script string
	read   func(*frames) error
}

// scripts joins ops into what one round trip sends.
func scripts(ops []op) string {
	var b strings.Builder
	for _, o := range ops {
		b.WriteString(o.script)
		b.WriteByte('\n')
	}
	return b.String()
}

// asking turns questions into ops that fill a.
func asking(q Questions, a Answers) []op {
	var ops []op
	for _, path := range q.Files {
		ops = append(ops, askFile(Path{Name: path}, func(b Body) { a.Files[path] = b }))
	}
	for _, p := range q.Inside {
		ops = append(ops, askFile(p, func(b Body) { a.Inside[p] = b }))
	}
	if len(q.Stats) > 0 {
		ops = append(ops, askStats(q, a.Stats))
	}
	if len(q.Attrs) > 0 {
		ops = append(ops, askAttrs(q.Attrs, a.Stats))
	}
	for _, path := range q.Reals {
		ops = append(ops, askReal(path, a.Reals))
	}
	for _, path := range q.Dirs {
		ops = append(ops, askDir(path, a.Dirs))
	}
	for _, l := range q.Lines {
		ops = append(ops, askLines(l, a.Lines))
	}
	for _, pattern := range q.Links {
		ops = append(ops, askLinks(pattern, a.Links))
	}
	for _, path := range q.Spaces {
		ops = append(ops, askSpace(path, a.Spaces))
	}
	if len(q.Programs) > 0 {
		ops = append(ops, askPrograms(q.Programs, a.Programs))
	}
	return ops
}

func askFile(p Path, learn func(Body)) op {
	return op{fmt.Sprintf("body %d %s", MaxFile+1, sh.Quote(word(p))), func(f *frames) error {
		data, cut, err := f.whole(MaxFile, "open", p.String())
		if err.fatal != nil {
			return err.fatal
		}
		learn(Body{Data: data, Truncated: cut, Err: err.said})
		return nil
	}}
}

func askReal(path string, into map[string]Real) op {
	return op{"real " + sh.Quote(path), func(f *frames) error {
		data, _, err := f.whole(MaxFile, "readlink", path)
		if err.fatal != nil {
			return err.fatal
		}
		if err.said == nil && checkPaths([]string{string(data)}) != nil {
			return malformed("where "+path+" leads", string(data))
		}
		into[path] = Real{Path: string(data), Err: err.said}
		return nil
	}}
}

func askDir(path string, into map[string]Dir) op {
	return op{"dir " + sh.Quote(path), func(f *frames) error {
		data, cut, err := f.whole(MaxLines, "open", path)
		if err.fatal != nil {
			return err.fatal
		}
		names := zeroed(data, MaxNames+1)
		if len(names) > MaxNames {
			names, cut = names[:MaxNames], true
		}
		for _, name := range names {
			if strings.Contains(name, "/") || slices.Contains([]string{"", ".", ".."}, name) {
				return malformed("the names in "+path, name)
			}
		}
		sort.Strings(names)
		into[path] = Dir{Names: names, Truncated: cut, Err: err.said}
		return nil
	}}
}

func askLines(l Lines, into map[string]Text) op {
	patterns := " -e ''"
	if len(l.Prefixes) > 0 {
		patterns = ""
	}
	for _, p := range l.Prefixes {
		patterns += " -e " + sh.Quote("^"+regex(p))
	}
	globs := ""
	for _, g := range l.Globs {
		globs += " " + glob(g)
	}
	script := fmt.Sprintf(`printf '%%s\0'%s | xargs -0 grep -sH%s --`, globs, patterns)
	if l.Except != "" {
		script += " | grep -v -e " + sh.Quote("^[^:]*:"+regex(l.Except)+"$")
	}
	script += "; b 0"
	return op{script, func(f *frames) error {
		data, cut, _, err := f.record(MaxLines)
		if err != nil {
			return err
		}
		if cut { // the last line may be half a line
			data = data[:strings.LastIndexByte(string(data), '\n')+1]
		}
		into[l.Name], err = textOf(string(data), cut, l.Globs)
		return err
	}}
}

// textOf reads the lines of grep -H: a path, a colon, and a line of the file.
func textOf(data string, cut bool, globs []string) (Text, error) {
	t := Text{Files: map[string][]string{}, Truncated: cut}
	asked := matching(globs)
	for line := range strings.Lines(data) {
		path, text, ok := strings.Cut(strings.TrimSuffix(line, "\n"), ":")
		if !ok {
			continue
		}
		lines, known := t.Files[path]
		if !known && !asked(path) {
			return Text{}, malformed("lines", path)
		}
		t.Files[path] = append(lines, text)
	}
	return t, nil
}

// matching says of a path whether a pattern asked for it. Most patterns have no
// wildcard if there are many.
func matching(patterns []string) func(string) bool {
	exact := map[string]bool{}
	var wild []string
	for _, p := range patterns {
		if exact[p] = true; strings.ContainsAny(p, `*?[\`) {
			wild = append(wild, p)
		}
	}
	return func(name string) bool {
		return exact[name] || slices.ContainsFunc(wild, func(p string) bool {
			ok, err := path.Match(p, name)
			return ok && err == nil
		})
	}
}

func askLinks(pattern string, into map[string]Targets) op {
	return op{"links " + glob(pattern), func(f *frames) error {
		pairs, err := f.pairs()
		asked := matching([]string{pattern})
		for name := range pairs {
			if !asked(name) {
				return malformed("links", name)
			}
		}
		into[pattern] = pairs
		return err
	}}
}

func askPrograms(names []string, into map[string]string) op {
	return op{"programs " + words(names), func(f *frames) error {
		pairs, err := f.pairs()
		for name, at := range pairs {
			if !slices.Contains(names, name) || !path.IsAbs(at) {
				return malformed("where programs are", name+" "+at)
			}
			into[name] = at
		}
		return err
	}}
}

func askSpace(path string, into map[string]Space) op {
	return op{"space " + sh.Quote(path), func(f *frames) error {
		data, _, err := f.whole(MaxFile, "statfs", path)
		if err.fatal != nil {
			return err.fatal
		}
		into[path] = parseSpace(path, string(data), err.said)
		return nil
	}}
}

// parseSpace reads what `stat -f` prints: the magic number in hex, the size of a
// block, blocks, free blocks, inodes, free inodes.
func parseSpace(path, line string, said error) Space {
	if said != nil {
		return Space{Err: said}
	}
	var magic uint64
	var block, blocks, free, inodes, freeInodes int64
	_, err := fmt.Sscanf(line, "%x %d %d %d %d %d", &magic, &block, &blocks, &free, &inodes, &freeInodes)
	if err != nil || block <= 0 || blocks < 0 || blocks > math.MaxInt64/block || free < 0 || free > blocks || inodes < 0 || freeInodes < 0 || freeInodes > inodes {
		return Space{Err: saying("statfs", path, "unexpected answer of stat -f")}
	}
	return Space{Type: fsName(magic), Bytes: block * blocks, Free: block * free, Inodes: inodes, FreeInodes: freeInodes}
}

// zeroed splits what was written with NULs after each part, into so many parts at
// most: the last one may be what is left.
func zeroed(data []byte, most int) []string {
	if len(data) == 0 {
		return nil
	}
	return strings.SplitN(strings.TrimSuffix(string(data), "\x00"), "\x00", most)
}
