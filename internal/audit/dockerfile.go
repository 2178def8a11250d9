package audit

import (
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/docker-userns/docker-userns/internal/dockerfile"
)

// Dockerfile knows on which lines the instructions of its stages are.
type Dockerfile struct {
	Name string // as given to ParseDockerfile
	file *dockerfile.File

	// made are the instructions of layers, by their digests, if provenance has them; args are
	// the build arguments, and target is the stage, that were given.
	made   map[string]*dockerfile.Instruction
	args   map[string]string
	target string
}

// Lines are the first and last line of an instruction, from 1 on; 0 if it was
// not found.
type Lines struct{ Start, End int }

// ParseDockerfile reads a Dockerfile. The name is what errors and SARIF call it.
func ParseDockerfile(name string, r io.Reader) (*Dockerfile, error) {
	f, err := dockerfile.Parse(r)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	return &Dockerfile{Name: name, file: f}, nil
}

// Lines finds the instruction of each layer. The stage that explains most layers
// is taken, the last one if several do, unless provenance says more. A layer of the base
// image gets the lines of the FROM; one that nothing matches gets none.
func (d *Dockerfile) Lines(layers []Layer) []Lines {
	all, record, base := make([]step, len(layers)), make([]int, len(layers)), 0
	digests := make([]string, len(layers))
	for i, l := range layers {
		all[i], record[i], digests[i] = parseStep(l.Instruction), i, l.Digest
		if l.Base {
			base = i + 1
		}
	}
	at, stage, _ := d.find(digests, all, record, base)
	lines := make([]Lines, len(layers))
	for i := range lines {
		switch {
		case layers[i].Base && stage != nil:
			lines[i] = Lines(stage.Root().Lines)
		case at[i] != nil:
			lines[i] = Lines(at[i].Lines)
		}
	}
	return lines
}

// find gives the steps of a history their instructions, nil for those that have
// none, and the stage that they are of, and how many layers are the base image's.
func (d *Dockerfile) find(digests []string, all []step, record []int, base int) (best []*dockerfile.Instruction, stage *dockerfile.Stage, low int) {
	if d.made != nil {
		return d.findExact(digests, all, record, base)
	}
	best = make([]*dockerfile.Instruction, len(all))
	from, most := 0, 0
	if base > 0 {
		from = record[base-1] + 1
	}
	for _, s := range d.file.Stages {
		at, n := match(s.Chain(), all, from)
		if n >= most && (n > 0 || base > 0) {
			best, stage, most = at, s, n
		}
	}
	for low < len(record) && stage != nil && best[record[low]] == nil {
		low++
	}
	if low == len(record) {
		low = base
	}
	return best, stage, low
}

// match goes from the last step to the first, since what the base image brings
// comes before, and takes for each the nearest instruction that can have been it.
func match(chain []*dockerfile.Instruction, all []step, from int) ([]*dockerfile.Instruction, int) {
	at, found, k := make([]*dockerfile.Instruction, len(all)), 0, len(chain)
	for i := len(all) - 1; i >= from; i-- {
		switch all[i].verb {
		case "RUN", "COPY", "ADD", "WORKDIR":
		default:
			continue
		}
		for n := k - 1; n >= 0; n-- {
			if in := chain[n]; in.Verb == all[i].verb && canMake(in, all[i]) {
				at[i], k = in, n
				found++
				break
			}
		}
	}
	return at, found
}

// canMake reports whether an instruction can have made a layer.
func canMake(in *dockerfile.Instruction, s step) bool {
	if len(in.Words) == 0 {
		return false
	}
	if s.verb == "RUN" {
		whole := blanks(strings.TrimPrefix(s.text, "RUN "))
		if doc := in.HereDoc(); doc != "" {
			// One that names its program is run as a file, of which history has the name.
			return strings.Contains(whole, blanks(doc)) || strings.HasPrefix(doc, "#!") && strings.HasPrefix(s.rest, "/dev/pipes/")
		}
		written := blanks(strings.Join(in.Words, " "))
		return written == blanks(s.rest) || written == whole || sameList(in.Words, s.rest)
	}
	var rest []string
	for _, w := range strings.Fields(s.rest) {
		if !strings.HasPrefix(w, "--") {
			rest = append(rest, w)
		}
	}
	if classic := len(rest) == 3 && rest[1] == "in"; classic {
		return sameFolder(in.Words[len(in.Words)-1], rest[2])
	}
	return expands(strings.Join(in.Words, " "), strings.Join(rest, " "))
}

// sameList: buildah writes an exec form as JSON.
func sameList(words []string, text string) bool {
	var list []string
	return strings.HasPrefix(text, "[") && json.Unmarshal([]byte(text), &list) == nil && slices.Equal(list, words)
}

// sameFolder: the classic builder writes where a file went as an absolute path.
func sameFolder(written, made string) bool {
	if !strings.HasPrefix(written, "/") {
		return true
	}
	return expands(strings.TrimRight(written, "/"), strings.TrimRight(made, "/"))
}

var variable = regexp.MustCompile(`\\\$(?:\\\{[^}]*\\\}|\w+)`)

// expands reports whether text can come of a line whose variables were expanded.
func expands(line, text string) bool {
	form := variable.ReplaceAllString(regexp.QuoteMeta(line), ".*")
	ok, err := regexp.MatchString("^(?s:"+form+")$", text)
	return ok && err == nil
}

func blanks(s string) string { return strings.Join(strings.Fields(s), " ") }
