package audit

import (
	"fmt"
	"io"
	"strings"

	udiff "github.com/aymanbagabas/go-udiff"
	"github.com/docker-userns/docker-userns/internal/escape"
)

// Patch writes the plans of reports as one unified diff of their Dockerfile, for
// git apply or patch -p1. What a diff cannot hold is said in lines before it,
// which those leave out. Name is the Dockerfile's path in the diff.
func Patch(w io.Writer, reports []Report, d *Dockerfile, name string) error {
	changes := map[int]Change{}
	var notes []string
	for _, r := range reports {
		for _, f := range r.Findings {
			for _, c := range f.Changes {
				if old, ok := changes[c.Start]; ok && old.New != c.New {
					return fmt.Errorf("line %d of %s: the images need different changes; audit them one by one", c.Start, escape.Line(d.Name))
				}
				if changes[c.Start] = c; c.Start == 0 {
					delete(changes, 0)
					notes = appendNew(notes, c.Text())
				}
			}
			for _, also := range f.Also {
				notes = appendNew(notes, also)
			}
			if len(f.Changes)+len(f.Also) == 0 && f.Fix != "" {
				notes = appendNew(notes, f.Fix)
			}
		}
	}
	var b strings.Builder
	for _, n := range notes {
		fmt.Fprintf(&b, "# %s\n", escape.Line(n))
	}
	name = strings.TrimPrefix(name, "/")
	b.WriteString(udiff.Unified("a/"+name, "b/"+name, d.file.Text, d.changed(changes)))
	_, err := io.WriteString(w, b.String())
	return err
}

// changed is the text of the Dockerfile with other instructions on some lines.
func (d *Dockerfile) changed(changes map[int]Change) string {
	var b strings.Builder
	lines := strings.SplitAfter(d.file.Text, "\n")
	for i := 0; i < len(lines); i++ {
		c, ok := changes[i+1]
		if !ok {
			b.WriteString(lines[i])
			continue
		}
		b.WriteString(c.New)
		last := lines[c.End-1]
		b.WriteString(last[len(strings.TrimRight(last, "\r\n")):])
		i = c.End - 1
	}
	return b.String()
}
