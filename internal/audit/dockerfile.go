package audit

import (
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/parser"
)

// maxDockerfile is how much of a Dockerfile is read, in bytes.
const maxDockerfile = 4 << 20

// Dockerfile knows on which lines the instructions of its stages are.
type Dockerfile struct {
	Name   string // as given to ParseDockerfile
	stages []stage
}

// stage is the whole of what makes an image: the instructions of the stages that
// it is built on come first.
type stage struct {
	name  string
	from  Lines
	nodes []*parser.Node
}

// Lines are the first and last line of an instruction, from 1 on; 0 where it was
// not found.
type Lines struct{ Start, End int }

// ParseDockerfile reads a Dockerfile. The name is what errors and SARIF call it.
func ParseDockerfile(name string, r io.Reader) (*Dockerfile, error) {
	parsed, err := parser.Parse(io.LimitReader(r, maxDockerfile))
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	d := &Dockerfile{Name: name}
	for _, n := range parsed.AST.Children {
		if strings.EqualFold(n.Value, "FROM") {
			d.stages = append(d.stages, d.begin(n))
		} else if last := len(d.stages) - 1; last >= 0 {
			d.stages[last].nodes = append(d.stages[last].nodes, n)
		}
	}
	return d, nil
}

// begin opens a stage with the instructions of the one it is built on.
func (d *Dockerfile) begin(from *parser.Node) stage {
	words := values(from)
	s := stage{from: Lines{from.StartLine, from.EndLine}}
	if len(words) == 3 && strings.EqualFold(words[1], "AS") {
		s.name = words[2]
	}
	for _, earlier := range d.stages {
		if len(words) > 0 && earlier.name != "" && strings.EqualFold(earlier.name, words[0]) {
			s.nodes, s.from = slices.Clone(earlier.nodes), earlier.from
		}
	}
	return s
}

// Lines finds the instruction of each layer. The stage that explains most layers
// is taken, the last one where several do. A layer of the base image gets the
// lines of the FROM; one that nothing matches gets none.
func (d *Dockerfile) Lines(layers []Layer) []Lines {
	best, most := make([]Lines, len(layers)), -1
	for _, s := range d.stages {
		if lines, n := s.match(layers); n >= most {
			best, most = lines, n
		}
	}
	return best
}

// match goes from the last layer to the first, since what the base image brings
// stands before, and takes for each the nearest instruction that can have made it.
func (s stage) match(layers []Layer) ([]Lines, int) {
	lines, found, k := make([]Lines, len(layers)), 0, len(s.nodes)
	for i := len(layers) - 1; i >= 0; i-- {
		step := parseStep(layers[i].Instruction)
		for at := k - 1; at >= 0 && step.verb != "" && !layers[i].Base; at-- {
			if n := s.nodes[at]; strings.EqualFold(n.Value, step.verb) && canMake(n, step) {
				lines[i], k = Lines{n.StartLine, n.EndLine}, at
				found++
				break
			}
		}
		if layers[i].Base {
			lines[i] = s.from
		}
	}
	return lines, found
}

// canMake says whether a line can have made a layer.
func canMake(n *parser.Node, s step) bool {
	words := values(n)
	if len(words) == 0 {
		return false
	}
	if s.verb == "RUN" {
		if len(n.Heredocs) > 0 {
			return strings.Contains(blanks(s.rest), blanks(n.Heredocs[0].Content))
		}
		return blanks(strings.Join(words, " ")) == blanks(s.rest)
	}
	var rest []string
	for _, w := range strings.Fields(s.rest) {
		if !strings.HasPrefix(w, "--") {
			rest = append(rest, w)
		}
	}
	if classic := len(rest) == 3 && rest[1] == "in"; classic {
		return sameFolder(words[len(words)-1], rest[2])
	}
	return expands(strings.Join(words, " "), strings.Join(rest, " "))
}

// sameFolder: the classic builder writes where a file went as an absolute path.
func sameFolder(written, made string) bool {
	if !strings.HasPrefix(written, "/") {
		return true
	}
	return expands(strings.TrimRight(written, "/"), strings.TrimRight(made, "/"))
}

var variable = regexp.MustCompile(`\\\$(?:\\\{[^}]*\\\}|\w+)`)

// expands says whether text can come of a line whose variables were expanded.
func expands(line, text string) bool {
	form := variable.ReplaceAllString(regexp.QuoteMeta(line), ".*")
	ok, err := regexp.MatchString("^(?s:"+form+")$", text)
	return ok && err == nil
}

func values(n *parser.Node) []string {
	var all []string
	for w := n.Next; w != nil; w = w.Next {
		all = append(all, w.Value)
	}
	return all
}

func blanks(s string) string { return strings.Join(strings.Fields(s), " ") }
