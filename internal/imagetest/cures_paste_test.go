package imagetest_test

import (
	"archive/tar"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/docker-userns/docker-userns/internal/audit"
	"gotest.tools/v3/assert"
)

// oddTar is an archive whose entries belong to 70000:70000, and good ones to 1000.
func oddTar(names ...string) []byte {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, name := range names {
		h := &tar.Header{Name: name, Mode: 0o644, Uid: 70000, Gid: 70000, Typeflag: tar.TypeReg, Size: 4}
		if strings.HasSuffix(name, "good") {
			h.Uid, h.Gid = 1000, 1000
		}
		if strings.HasSuffix(name, "/") {
			h.Typeflag, h.Size, h.Mode = tar.TypeDir, 0, 0o755
		}
		_ = w.WriteHeader(h)
		if h.Size > 0 {
			_, _ = w.Write([]byte("odd\n"))
		}
	}
	_ = w.Close()
	return b.Bytes()
}

// patched is the Dockerfile after the diff, by git.
func patched(t *testing.T, dockerfile, diff string) string {
	t.Helper()
	dir := t.TempDir()
	assert.NilError(t, os.WriteFile(filepath.Join(dir, "Dockerfile"), []byte(dockerfile), 0o644))
	if !strings.Contains(diff, "@@") {
		return dockerfile // all is said in words
	}
	cmd := exec.Command("git", "apply", "-")
	cmd.Dir, cmd.Stdin = dir, strings.NewReader(diff)
	cmd.Env = append(os.Environ(), "GIT_CEILING_DIRECTORIES="+filepath.Dir(dir))
	out, err := cmd.CombinedOutput()
	assert.NilError(t, err, "%s\n%s", out, diff)
	b, err := os.ReadFile(filepath.Join(dir, "Dockerfile"))
	assert.NilError(t, err)
	return string(b)
}

// pasted is the Dockerfile after a person pasted the cures over its instructions.
// Flags that history has not are kept, as the cures say.
func pasted(t *testing.T, dockerfile string, r audit.Report) string {
	t.Helper()
	d, err := audit.ParseDockerfile("Dockerfile", strings.NewReader(dockerfile))
	assert.NilError(t, err)
	at := d.Lines(r.Layers)
	text := strings.SplitAfter(dockerfile, "\n")
	done := map[string]bool{}
	for _, f := range r.Findings {
		for _, c := range f.Changes {
			if done[c.Old] {
				continue
			}
			done[c.Old] = true
			place := placeOf(text, r, at, c.Old)
			assert.Assert(t, place.Start > 0, "%s is not in\n%s", c.Old, dockerfile)
			old := strings.Join(text[place.Start-1:place.End], "")
			now := c.New
			switch {
			case now == "":
				now = byHints(old, c.Note)
			case c.Note != "":
				now = withFlags(old, now)
			}
			text[place.Start-1] = now + "\n"
			for i := place.Start; i < place.End; i++ {
				text[i] = ""
			}
		}
	}
	return strings.Join(text, "")
}

// placeOf finds an instruction of history in the Dockerfile: one that made a
// layer by its lines, another by its text.
func placeOf(text []string, r audit.Report, at []audit.Lines, old string) audit.Lines {
	for i, l := range r.Layers {
		if strings.Join(strings.Fields(l.Instruction), " ") == strings.Join(strings.Fields(old), " ") && at[i].Start > 0 {
			return at[i]
		}
	}
	for i, l := range r.Layers {
		if at[i].Start > 0 && strings.HasPrefix(old, "RUN") && !l.Base && sameCommand(l.Instruction, old) {
			return at[i]
		}
	}
	for i, line := range text {
		if strings.TrimSpace(line) == old {
			return audit.Lines{Start: i + 1, End: i + 1}
		}
	}
	verb, rest, _ := strings.Cut(old, " ")
	for i, line := range text {
		if v, written, _ := strings.Cut(strings.TrimSpace(line), " "); v == verb && (written == rest || v != "USER" || strings.Contains(written, "$")) {
			end := i + 1
			for strings.HasSuffix(strings.TrimSpace(text[end-1]), `\`) {
				end++
			}
			return audit.Lines{Start: i + 1, End: end}
		}
	}
	return audit.Lines{}
}

// sameCommand compares the letters of two commands: quotes and forms differ.
func sameCommand(a, b string) bool {
	letters := func(s string) string {
		return strings.Map(func(r rune) rune {
			if strings.ContainsRune("[]\"\\', \n", r) {
				return -1
			}
			return r
		}, s)
	}
	b = letters(b)
	if _, rest, ok := strings.Cut(b, "RUN<<EOF"); ok {
		b = "RUN" + strings.TrimSuffix(rest, "EOF")
	}
	return letters(a) == b
}

// byHints follows "write 10001 in place of 70000, and …".
func byHints(old, hints string) string {
	for hint := range strings.SplitSeq(hints, ", and ") {
		var to, from string
		_, _ = fmt.Sscanf(hint, "write %s in place of %s", &to, &from)
		old = strings.ReplaceAll(old, from, to)
	}
	return strings.TrimSpace(old)
}

// withFlags gives an instruction the flags of the one that it stands for.
func withFlags(old, now string) string {
	var flags []string
	for _, w := range strings.Fields(old)[1:] {
		if !strings.HasPrefix(w, "--") {
			break
		}
		if !strings.HasPrefix(w, "--chown=") {
			flags = append(flags, w)
		}
	}
	verb, rest, _ := strings.Cut(now, " ")
	return strings.Join(append(append([]string{verb}, flags...), rest), " ")
}
