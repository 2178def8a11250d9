// Package dockerfile reads the instructions that make an image, and finds the
// user and group IDs in them: in the commands of a RUN, in USER, in --chown, and
// in the variables that these are made of. It can change such a number, or add a
// command to a RUN, and leaves everything else as it is written.
//
// What it reads can be hostile: it runs nothing, and what is too large or too deep
// is left alone.
package dockerfile

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/moby/buildkit/frontend/dockerfile/parser"
)

// maxFile is how much of a Dockerfile is read, in bytes.
const maxFile = 4 << 20

// File is a Dockerfile.
type File struct {
	Text   string
	Stages []*Stage
	args   []*Instruction // before the first FROM
}

// Stage is one FROM and what follows it.
type Stage struct {
	Name string // "" if it has none
	Base string // what FROM names, as written
	// On is the stage that this one is built on, nil if that is another image.
	On           *Stage
	From         *Instruction
	Instructions []*Instruction
}

// Parse reads a Dockerfile.
func Parse(r io.Reader) (*File, error) {
	raw, err := io.ReadAll(io.LimitReader(r, maxFile))
	if err != nil {
		return nil, err
	}
	f := &File{Text: string(raw)}
	parsed, err := parser.Parse(strings.NewReader(f.Text))
	if err != nil {
		return nil, fmt.Errorf("parsing it: %w", err)
	}
	lines := strings.SplitAfter(f.Text, "\n")
	for _, n := range parsed.AST.Children {
		in := read(n, lines, byte(parsed.EscapeToken))
		last := len(f.Stages) - 1
		switch {
		case in.Verb == "FROM":
			f.Stages = append(f.Stages, f.begin(in))
		case last < 0:
			f.args = append(f.args, in)
		default:
			f.Stages[last].Instructions = append(f.Stages[last].Instructions, in)
		}
	}
	return f, nil
}

// begin opens a stage.
func (f *File) begin(from *Instruction) *Stage {
	s := &Stage{From: from}
	if len(from.Words) > 0 {
		s.Base = from.Words[0]
		s.On = f.Stage(s.Base)
	}
	if len(from.Words) == 3 && strings.EqualFold(from.Words[1], "AS") {
		s.Name = from.Words[2]
	}
	return s
}

// Stage finds a stage by its name, the last one that has it so far.
func (f *File) Stage(name string) *Stage {
	for i := len(f.Stages) - 1; i >= 0 && name != ""; i-- {
		if strings.EqualFold(f.Stages[i].Name, name) {
			return f.Stages[i]
		}
	}
	return nil
}

// On is the instruction that a line belongs to, nil if there is none.
func (f *File) On(line int) *Instruction {
	for _, s := range f.Stages {
		for _, in := range append([]*Instruction{s.From}, s.Instructions...) {
			if in.Start <= line && line <= in.End {
				return in
			}
		}
	}
	return nil
}

// Count is how many instructions there are, in all stages.
func (f *File) Count() (n int) {
	for _, s := range f.Stages {
		n += len(s.Instructions)
	}
	return n
}

// source is the stage that a COPY --from or a mount's from= names.
func (f *File) source(name string) *Stage {
	if n, err := strconv.Atoi(name); err == nil && n >= 0 && n < len(f.Stages) {
		return f.Stages[n]
	}
	return f.Stage(name)
}

// Chain are the instructions that make a stage: those of the stages that it is
// built on come first.
func (s *Stage) Chain() []*Instruction {
	if s.On == nil {
		return s.Instructions
	}
	below := s.On.Chain()
	return append(below[:len(below):len(below)], s.Instructions...)
}

// Root is the FROM that names another image.
func (s *Stage) Root() *Instruction {
	for s.On != nil {
		s = s.On
	}
	return s.From
}

// Names reports whether the first word of a FROM is a name.
func (in *Instruction) Names(name string) bool {
	return len(in.Words) > 0 && strings.EqualFold(in.Words[0], name)
}

// read makes an Instruction of a parsed one, and of the lines that it is in.
func read(n *parser.Node, lines []string, escape byte) *Instruction {
	in := &Instruction{Verb: strings.ToUpper(n.Value), Lines: Lines{n.StartLine, n.EndLine}, Flags: n.Flags, escape: escape}
	for w := n.Next; w != nil; w = w.Next {
		in.Words = append(in.Words, w.Value)
	}
	mine := lines[min(n.StartLine-1, len(lines)):min(n.EndLine, len(lines))]
	in.Raw = strings.TrimRight(strings.Join(mine, ""), "\r\n")
	joined, used := in.join(mine)
	if joined.s != n.Original {
		joined, used = nowhere(n.Original), -1 // it is not understood where it is
	}
	flags := in.Flags
	in.Flags = nil
	in.split(joined)
	in.Flags = flags
	if used >= 0 {
		in.hereDocs(n.Heredocs, mine, used)
	}
	return in
}

// join puts an instruction's lines together as the parser does, and says how many
// there were.
func (in *Instruction) join(lines []string) (whole text, used int) {
	var all builder
	offset := 0
	for i, line := range lines {
		start := offset
		offset += len(line)
		line = strings.TrimRight(line, "\r\n")
		if i == 0 {
			bare := strings.TrimLeftFunc(strings.TrimPrefix(line, "\xef\xbb\xbf"), unicode.IsSpace)
			start += len(line) - len(bare)
			line = bare
		} else if left := strings.TrimLeftFunc(line, unicode.IsSpace); left == "" || left[0] == '#' {
			continue
		}
		kept, more := in.continues(line)
		all.add(at(in, kept, start))
		if !more {
			return all.text(), i + 1
		}
	}
	return all.text(), len(lines)
}

// continues reports whether a line goes on in the next, and takes off what says so.
func (in *Instruction) continues(line string) (string, bool) {
	bare := strings.TrimRight(line, " \t")
	if n := len(bare); n > 0 && bare[n-1] == in.escape && (n == 1 || bare[n-2] != in.escape) {
		return bare[:n-1], true
	}
	return line, false
}

// hereDocs finds the content of here-documents in the lines behind the first ones.
func (in *Instruction) hereDocs(docs []parser.Heredoc, lines []string, used int) {
	offset := 0
	for _, line := range lines[:used] {
		offset += len(line)
	}
	for _, d := range docs {
		if offset+len(d.Content) > len(in.Raw) || in.Raw[offset:offset+len(d.Content)] != d.Content {
			return
		}
		end := offset + len(d.Content)
		in.docs = append(in.docs, hereDoc{d.Name, at(in, d.Content, offset), end})
		if i := strings.IndexByte(in.Raw[end:], '\n'); i >= 0 {
			offset = end + i + 1
		} else {
			offset = len(in.Raw)
		}
	}
}

// Of is the stage, of those that a stage is built on, that an instruction is in.
func (s *Stage) Of(in *Instruction) *Stage {
	for on := s; on != nil; on = on.On {
		if slices.Contains(on.Instructions, in) {
			return on
		}
	}
	return s
}

// Unpack has an ADD unpack its archive in a stage of its own, in which a command
// is run on the folder: the edit of the FROM of the ADD's stage, and that of the
// ADD. A stage from scratch has no programs but those of the archive, so there it
// must unpack at the root.
func (f *File) Unpack(of *Stage, add *Instruction, name string, command func(dir string) string) (stage, copied Edit, ok bool) {
	s := of.Of(add)
	words := add.Words
	if len(words) < 2 || len(add.docs) > 0 || add.list != nil || !add.placed() {
		return stage, copied, false
	}
	sources, to := words[:len(words)-1], words[len(words)-1]
	dir := "/" + name + "/"
	if strings.EqualFold(s.Base, "scratch") {
		if dir = "/"; to != "/" {
			return stage, copied, false
		}
	}
	flags := ""
	for _, flag := range s.From.flags {
		flags += flag.s + " "
	}
	added := ""
	for _, flag := range add.flags {
		if !strings.HasPrefix(flag.s, "--chown=") {
			added += flag.s + " "
		}
	}
	text := fmt.Sprintf("FROM %s%s AS %s\nUSER 0\nADD %s%s %s\nRUN %s\n\n", flags, s.Base, name, added, strings.Join(sources, " "), dir, command(dir))
	if strings.EqualFold(s.Base, "scratch") {
		text = strings.Replace(text, "USER 0\n", "", 1)
	}
	if !strings.HasSuffix(to, "/") {
		to += "/"
	}
	return Edit{0, 0, text}, Edit{0, len(add.Raw), fmt.Sprintf("COPY --from=%s %s %s", name, dir, to)}, true
}

// placed reports whether it is known where the instruction's text is.
func (in *Instruction) placed() bool {
	p, ok := in.body.slice(0, min(1, len(in.body.s))).span()
	return ok && p.in == in
}
