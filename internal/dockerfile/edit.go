package dockerfile

import (
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"github.com/docker-userns/docker-userns/internal/sh"
)

// An Edit puts a text in the place of bytes From to To of an instruction's Raw.
type Edit struct {
	From, To int
	Text     string
}

// Renumber is the edit that writes another number for a use of one; false if it
// is not written in an instruction.
func (u Use) Renumber(id int64) (Edit, bool) {
	if u.Def == nil {
		return Edit{}, false
	}
	return Edit{u.At, u.At + len(u.Def.Raw[u.At:]) - len(strings.TrimLeft(u.Def.Raw[u.At:], "0123456789")), strconv.FormatInt(id, 10)}, true
}

// Edit is an insertion as an edit.
func (i Insertion) Edit() Edit { return Edit{i.At, i.At, i.Text} }

// Apply gives the instruction as the edits leave it.
func (in *Instruction) Apply(edits []Edit) string {
	edits = slices.Clone(edits)
	slices.SortStableFunc(edits, func(a, b Edit) int { return a.From - b.From })
	edits = slices.Compact(edits)
	var out strings.Builder
	done := 0
	for _, e := range edits {
		if e.From < done || e.To > len(in.Raw) {
			continue // they would overlap
		}
		out.WriteString(in.Raw[done:e.From])
		out.WriteString(e.Text)
		done = e.To
	}
	out.WriteString(in.Raw[done:])
	return out.String()
}

// SetFlag is the edit that gives the instruction a flag, --chown for example, in
// the place of one that it has.
func (in *Instruction) SetFlag(name, value string) (Edit, bool) {
	for _, f := range in.flags {
		if strings.HasPrefix(f.s, name+"=") {
			from, ok := f.slice(0, 1).span()
			to, _ := f.end()
			return Edit{from.at, to.at, name + "=" + value}, ok
		}
	}
	first := in.body
	if len(in.flags) > 0 {
		first = in.flags[0]
	}
	if len(first.s) == 0 {
		return Edit{}, false
	}
	p, ok := first.slice(0, 1).span()
	return Edit{p.at, p.at, name + "=" + value + " "}, ok && p.in == in
}

// tail is where a further command goes in a RUN.
type tail struct {
	at    int
	to    int // what ends here is replaced, if it is above at
	style tailStyle
	list  []text // of a JSON form that no shell runs
}

type tailStyle int

const (
	noTail  tailStyle = iota
	andThen           // && command
	newLine           // a line of its own
	inJSON            // && command, in a JSON string
	rewrite           // the JSON form becomes a shell form
)

// Append is the edit that has a RUN do a further command last; false if it is not
// understood where that would go.
func (in *Instruction) Append(run *Run, command string) (Edit, bool) {
	t := run.tail
	switch t.style {
	case andThen:
		if strings.Contains(in.Raw, "\n") && t.at > 0 {
			return Edit{t.at, t.to, " " + string(in.escape) + "\n && " + command}, true
		}
		return Edit{t.at, t.to, " && " + command}, true
	case newLine:
		return Edit{t.at, t.at, command + "\n"}, true
	case inJSON:
		return Edit{t.at, t.to, inQuotes(" && " + command)}, true
	case rewrite:
		var words []string
		for _, w := range t.list {
			words = append(words, sh.Word(w.s))
		}
		return Edit{t.at, t.to, strings.Join(words, " ") + " && " + command}, true
	}
	return Edit{}, false
}

// inQuotes is a text as a part of a JSON string.
func inQuotes(s string) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a string always can be
	return strings.TrimSuffix(strings.TrimPrefix(b.String(), `"`), "\"\n")
}

// shellTail is behind the last command, before a comment or semicolon.
func shellTail(in *Instruction, file *syntax.File, src text) tail {
	if file == nil || len(file.Stmts) == 0 {
		return tail{}
	}
	last := file.Stmts[len(file.Stmts)-1]
	end, to := int(last.End().Offset()), int(last.End().Offset())
	if last.Semicolon.IsValid() {
		end = len(strings.TrimRight(src.s[:last.Semicolon.Offset()], " \t"))
	}
	if strings.Contains(src.s[:end], "\n") {
		return tail{}
	}
	from, ok := src.slice(0, end).end()
	upTo, _ := src.slice(0, to).end()
	if !ok || from.in != in || upTo.in != in {
		return tail{}
	}
	return tail{at: from.at, to: upTo.at, style: andThen}
}

// listTail is at the end of the script of ["sh", "-c", script].
func (in *Instruction) listTail(list []text) tail {
	if len(list) == 0 {
		return tail{}
	}
	if len(list) == 3 && isShell(list[0].s) && strings.HasPrefix(list[1].s, "-") && strings.Contains(list[1].s, "c") {
		script := list[2]
		script = script.slice(0, len(strings.TrimRight(script.s, "; \t\n")))
		p, ok := script.end()
		if file := parseScript(script.s); !ok || file == nil || len(file.Last) > 0 || strings.Contains(script.s, "\n") || p.in != in {
			return tail{}
		}
		whole, _ := list[2].end()
		return tail{at: p.at, to: whole.at, style: inJSON}
	}
	from, ok := in.body.slice(0, 1).span()
	to, _ := in.body.end()
	if !ok || from.in != in {
		return tail{}
	}
	return tail{at: from.at, to: to.at, style: rewrite, list: list}
}

var shellName = regexp.MustCompile(`^(?:/\S*/)?(?:ba|da|a|z|k)?sh$`)

func isShell(s string) bool { return shellName.MatchString(s) }
