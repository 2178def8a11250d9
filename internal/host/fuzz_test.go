package host

import (
	"bytes"
	"io"
	"path"
	"strings"
	"testing"
)

// fuzzMark stands for the number of a session, which no answer would guess: here
// every answer knows it.
const fuzzMark = "#"

func fuzzFrames(answer []byte) *frames {
	f := newFrames(bytes.NewReader(answer), fuzzMark)
	return f
}

// FuzzAnswers holds that any bytes in the place of a host's answers are an error,
// or answers to what was asked.
func FuzzAnswers(f *testing.F) {
	q := Questions{
		Files: []string{"/f"}, Inside: []Path{{"/root", "/f"}}, Stats: []string{"/a", "/b", "/c"}, ACLs: true, Attrs: []string{"/a"},
		Reals: []string{"/r"}, Dirs: []string{"/d"}, Links: []string{"/proc/1/ns/*"}, Spaces: []string{"/s"}, Programs: []string{"sh"},
		Lines:    []Lines{{Name: "l", Globs: []string{"/proc/[0-9]*/comm", "/exact"}}},
		Commands: []Command{{Args: []string{"true"}}},
	}
	f.Add([]byte("body\n# 0\n" + "\n# 1\nNo such file or directory\n# 0\n" + // files
		"\n# 1\nno\n# 0\n++-\n# letters\na1ff 0 0 3 1 2 1\ngone\n\n# 0\n/a\x00to\x00\n# 0\n# file: /a\nuser:5:rwx\n\n# 0\n" + // stats
		"----i-- /a\n# 0\n/real\n# 0\nx\x00y\x00\n# 0\n/proc/7/comm:sh\n/exact:x\n\n# 0\n/proc/1/ns/user\x00user:[1]\x00\n# 0\nef53 4096 9 8 7 6\n# 0\n" +
		"sh\x00/bin/sh\x00\n# 0\nout\n# 0\nerr\n# 3\n"))
	f.Add([]byte("\n# 0\n\n# 0\nxx\n# letters\n"))
	f.Add([]byte("\n# 1\n\n# 0\n" + strings.Repeat("\n# 1\n", 9) + "---\n# letters\n"))
	f.Fuzz(func(t *testing.T, answer []byte) {
		a := newAnswers()
		ops := asking(q, a)
		for _, c := range q.Commands {
			ops = append(ops, running(c, &a.Commands))
		}
		frames := fuzzFrames(answer)
		for _, o := range ops {
			if o.read(frames) != nil {
				return
			}
		}
		checkAnswers(t, q, a)
	})
}

func checkAnswers(t *testing.T, q Questions, a Answers) {
	t.Helper()
	if len(a.Files) != 1 || len(a.Inside) != 1 || len(a.Reals) != 1 || len(a.Dirs) != 1 || len(a.Lines) != 1 || len(a.Links) != 1 || len(a.Spaces) != 1 || len(a.Commands) != 1 {
		t.Errorf("not one answer for each question: %+v", a)
	}
	if len(a.Stats) != len(q.Stats) {
		t.Errorf("stats: %v", a.Stats)
	}
	for p, s := range a.Stats {
		if s.Err == nil && (s.UID < 0 || s.UID > 1<<32-1 || s.GID < 0 || s.Size < 0) {
			t.Errorf("%s: %+v", p, s)
		}
	}
	if r := a.Reals["/r"]; r.Err == nil && !path.IsAbs(r.Path) {
		t.Errorf("real: %q", r.Path)
	}
	for _, name := range a.Dirs["/d"].Names {
		if path.Base(name) != name || name == ".." || name == "." {
			t.Errorf("name: %q", name)
		}
	}
	for p := range a.Lines["l"].Files {
		if !strings.HasPrefix(p, "/proc/") && p != "/exact" {
			t.Errorf("lines of %q", p)
		}
	}
	for p := range a.Links["/proc/1/ns/*"] {
		if path.Dir(p) != "/proc/1/ns" {
			t.Errorf("link %q", p)
		}
	}
	if s := a.Spaces["/s"]; s.Err == nil && (s.Bytes < 0 || s.Free < 0 || s.Free > s.Bytes || s.FreeInodes > s.Inodes) {
		t.Errorf("space: %+v", s)
	}
	if c := a.Commands[0].Code; c < 0 || c > 255 {
		t.Errorf("exit code %d", c)
	}
}

// FuzzFiles holds that any bytes in the place of bodies are handed over once for
// each file at most, and in their order.
func FuzzFiles(f *testing.F) {
	names := []string{"/a", "/b", "/c", "/d", "/e"}
	f.Add([]byte(" 1:1 3:2\n# 0\nabb\n# 0\nlong\n# 0\n\n# 1\nno\n# 0\n\n# 0\n"), false)
	f.Add([]byte("a\n# 0\nb\n# 0\n\n# 1\nirregular\n# 0\nd\n# 2\nlost\n# 0\n\n# 0\n"), true)
	f.Add([]byte(" 1:9 2:65536\n# 0\nshort\n# 1\n"), false)
	f.Fuzz(func(t *testing.T, answer []byte, alone bool) {
		var got []string
		b := &batches{frames: fuzzFrames(answer), each: func(p Path, body io.Reader, err error) error {
			got = append(got, p.Name)
			if (body == nil) == (err == nil) {
				t.Errorf("%s: a body and an error, or neither", p)
			}
			if body != nil {
				_, _ = io.Copy(io.Discard, body)
			}
			return nil
		}}
		var err error
		if alone {
			for _, p := range paths(names) {
				if err = b.read([]Path{p}, true); err != nil {
					break
				}
			}
		} else {
			err = b.read(paths(names), false)
		}
		if len(got) > len(names) || len(got) != b.handed || err == nil && !b.useless && len(got) != len(names) {
			t.Errorf("%v: %v", got, err)
		}
		for i, name := range got {
			if name != names[i] {
				t.Errorf("out of order: %v", got)
			}
		}
	})
}

// FuzzGreet holds that any bytes in the place of a greeting give a user's ID, or
// an error that is fit to be read.
func FuzzGreet(f *testing.F) {
	f.Add([]byte("Welcome\n\n0\n# 0\n\n# 0\n"))
	f.Add([]byte("\n1000\n# 0\nsudo: a password is required\n# 0\n"))
	f.Add([]byte("This account is currently not available.\n"))
	f.Fuzz(func(t *testing.T, answer []byte) {
		sh := &shell{frames: fuzzFrames(answer), greeted: func() {}}
		err := sh.greet()
		if (err == nil) != (sh.uid != "") && err == nil {
			t.Errorf("neither an ID nor an error")
		}
		if strings.Trim(sh.uid, "0123456789") != "" || err != nil && len(err.Error()) > 1000 {
			t.Errorf("%q, %v", sh.uid, err)
		}
	})
}

// paths are files of the host's own.
func paths(names []string) []Path {
	all := make([]Path, len(names))
	for i, name := range names {
		all[i] = Path{Name: name}
	}
	return all
}
