package dockerfile

import (
	"path"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// Bounds on the commands of one RUN, which can come out of anybody's image.
const (
	maxScript = 64 << 10 // bytes of a script, and of a value
	maxDepth  = 4        // scripts in scripts
	maxWords  = 20000    // expanded
	perWord   = 256      // bytes of a long word that count as one more
	maxTurns  = 32       // of a loop
	maxUses   = 4096     // of numbers, by all instructions
)

// shell follows the commands of one instruction. It runs nothing: both sides of
// an if are looked at, and what a command would print is not known.
type shell struct {
	in    *Instruction
	vars  variables
	run   *Run
	uses  *[]Use
	depth int
	words *int
	// file is "passwd" or "group" while what is printed goes to such a file.
	file string
}

// arg is a word of a command, and where it ends as it is written.
type arg struct {
	text
	end place
}

func (a arg) known() bool { return !strings.Contains(a.s, unknown) }

// unknown stands in a text for what only a running shell can tell.
const unknown = "\x00"

// script follows a whole script. It gives nil if the script could not be parsed.
func (s shell) script(src text) *syntax.File {
	if s.depth >= maxDepth {
		return nil
	}
	s.depth++
	file := parseScript(src.s)
	if file != nil {
		s.stmts(file.Stmts, src)
	}
	return file
}

// parseScript gives nil for what is no script, or too long: the parser calls itself for
// each bracket that opens, and what is deep enough ends the program.
func parseScript(script string) *syntax.File {
	if len(script) > maxScript {
		return nil
	}
	file, err := syntax.NewParser().Parse(strings.NewReader(script), "")
	if err != nil {
		return nil
	}
	return file
}

func (s shell) stmts(all []*syntax.Stmt, src text) {
	for _, stmt := range all {
		s.walk(stmt, src)
	}
}

// walk goes through commands in the order they are written in.
func (s shell) walk(root syntax.Node, src text) {
	syntax.Walk(root, func(n syntax.Node) bool {
		if *s.words > maxWords {
			return false
		}
		switch n := n.(type) {
		case *syntax.Stmt:
			return s.redirected(n, src)
		case *syntax.CallExpr:
			s.call(n, src)
		case *syntax.DeclClause:
			for _, a := range n.Args {
				s.assign(a, src)
			}
		case *syntax.ForClause:
			return s.loop(n, src)
		}
		return true
	})
}

// redirected follows a statement whose output goes to passwd or group, and says
// false then.
func (s shell) redirected(n *syntax.Stmt, src text) bool {
	for _, r := range n.Redirs {
		if r.Op != syntax.RdrOut && r.Op != syntax.AppOut && r.Op != syntax.ClbOut {
			continue
		}
		name := path.Base(s.word(r.Word, src).s)
		if s.file != "" || name != "passwd" && name != "group" || n.Cmd == nil {
			continue
		}
		s.file = name
		for _, doc := range n.Redirs {
			if doc.Hdoc != nil {
				s.accounts(s.word(doc.Hdoc, src))
			}
		}
		s.walk(n.Cmd, src)
		return false
	}
	return true
}

func (s shell) assign(a *syntax.Assign, src text) {
	if a.Name != nil && a.Value != nil && a.Index == nil && !a.Append {
		v := s.word(a.Value, src)
		s.vars.own[a.Name.Value] = v
		s.named(a.Name.Value, v)
	}
}

func (s shell) call(n *syntax.CallExpr, src text) {
	if len(n.Args) == 0 {
		for _, a := range n.Assigns {
			s.assign(a, src)
		}
		return
	}
	var args []arg
	for _, w := range n.Args {
		a := arg{text: s.word(w, src)}
		a.end, _ = src.slice(0, int(w.End().Offset())).end()
		args = append(args, a)
	}
	s.command(args)
}

// loop follows the body of a for once for each of its words.
func (s shell) loop(n *syntax.ForClause, src text) bool {
	iter, ok := n.Loop.(*syntax.WordIter)
	if !ok || len(iter.Items) == 0 {
		return true
	}
	for i, item := range iter.Items {
		if i == maxTurns {
			break
		}
		s.vars.own[iter.Name.Value] = s.word(item, src)
		s.stmts(n.Do, src)
	}
	return false
}

// word expands a word, or the body of a here-document.
func (s shell) word(w *syntax.Word, src text) text {
	if *s.words++; *s.words > maxWords || w == nil {
		return nowhere(unknown)
	}
	return s.parts(w.Parts, src, false)
}

func (s shell) parts(parts []syntax.WordPart, src text, quoted bool) text {
	var t text
	if len(parts) == 1 {
		t = s.part(parts[0], src, quoted)
		*s.words += len(t.s) / perWord
		return t
	}
	var all builder
	for _, p := range parts {
		t = s.part(p, src, quoted)
		all.add(t)
		if *s.words += len(t.s) / perWord; len(all.b) > maxScript || *s.words > maxWords {
			return nowhere(unknown)
		}
	}
	return all.text()
}

func (s shell) part(p syntax.WordPart, src text, quoted bool) text {
	switch p := p.(type) {
	case *syntax.Lit:
		return unescape(src.slice(int(p.Pos().Offset()), int(p.End().Offset())), quoted)
	case *syntax.SglQuoted:
		from := int(p.Left.Offset()) + 1
		if p.Dollar {
			from++
		}
		return src.slice(from, int(p.Right.Offset()))
	case *syntax.DblQuoted:
		return s.parts(p.Parts, src, true)
	case *syntax.ParamExp:
		return s.param(p, src)
	}
	return nowhere(unknown)
}

// unescape takes the backslashes off a literal.
func unescape(t text, quoted bool) text {
	if !strings.Contains(t.s, `\`) {
		return t
	}
	var out builder
	for i := 0; i < len(t.s); i++ {
		if t.s[i] == '\\' && i+1 < len(t.s) && (!quoted || strings.IndexByte("$`\"\\\n", t.s[i+1]) >= 0) {
			if i++; t.s[i] == '\n' {
				continue
			}
		}
		out.add(t.slice(i, i+1))
	}
	return out.text()
}

// param expands $name and its forms with a default.
func (s shell) param(p *syntax.ParamExp, src text) text {
	if p.Param == nil || p.Excl || p.Length || p.Width || p.Index != nil || p.Slice != nil || p.Repl != nil || p.Names != 0 {
		return nowhere(unknown)
	}
	v, set := s.vars.get(p.Param.Value)
	if p.Exp == nil {
		if !set && (p.Param.Value == "@" || p.Param.Value == "*" || p.Param.Value[0] >= '0' && p.Param.Value[0] <= '9') {
			return nowhere(unknown)
		}
		return v
	}
	switch p.Exp.Op {
	case syntax.DefaultUnset, syntax.AssignUnset:
		set = set || v.s != ""
	case syntax.DefaultUnsetOrNull, syntax.AssignUnsetOrNull:
		set = v.s != ""
	case syntax.ErrorUnset, syntax.ErrorUnsetOrNull:
		return v
	case syntax.AlternateUnset, syntax.AlternateUnsetOrNull:
		if v.s == "" {
			return text{}
		}
		set = false
	default:
		return nowhere(unknown)
	}
	if set {
		return v
	}
	other := s.word(p.Exp.Word, src)
	if p.Exp.Op == syntax.AssignUnset || p.Exp.Op == syntax.AssignUnsetOrNull {
		s.vars.own[p.Param.Value] = other
	}
	return other
}
