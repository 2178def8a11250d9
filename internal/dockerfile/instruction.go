package dockerfile

import (
	"encoding/json"
	"strings"
	"unicode/utf8"
)

// Lines are the first and last line of an instruction in a file, from 1 on; 0 if
// it is in none.
type Lines struct{ Start, End int }

// An Instruction is one instruction, of a Dockerfile or of an image's history.
type Instruction struct {
	Verb string // in capital letters
	Raw  string // as written, without the newline at its end
	Lines
	// Args are the build arguments that history says a RUN was given.
	Args map[string]string
	// Words are what follows the verb and its flags, as the parser split them.
	Words []string
	Flags []string

	escape byte      // that continues a line
	flags  []text    // as in Flags, each with its place
	body   text      // what follows the verb and its flags, lines joined
	docs   []hereDoc // that follow a RUN, COPY or ADD
	list   []text    // the strings of a JSON form, nil if it is in shell form
}

// hereDoc is one that belongs to the Dockerfile's own syntax.
type hereDoc struct {
	name    string
	content text
	end     int // where its last line starts in Raw
}

// New is an instruction of which only the text is known, e.g. of a history. A RUN
// of several lines was a here-document.
func New(verb, body string, args map[string]string) *Instruction {
	in := &Instruction{Verb: strings.ToUpper(verb), Args: args, escape: '\\'}
	if in.Verb == "RUN" && strings.Contains(strings.TrimSpace(body), "\n") {
		in.lines(strings.TrimSpace(body) + "\n")
		return in
	}
	in.Raw = in.Verb + " " + body
	in.split(at(in, in.Raw, 0))
	return in
}

// lines makes the instruction a RUN with a here-document.
func (in *Instruction) lines(script string) {
	name := "EOF"
	for strings.Contains(script, name) {
		name += "F"
	}
	first := "RUN <<" + name + "\n"
	in.Raw = first + script + name
	in.split(at(in, strings.TrimSpace(first), 0))
	in.docs = []hereDoc{{name, at(in, script, len(first)), len(first) + len(script)}}
}

// split takes the verb and the flags off the instruction's text.
func (in *Instruction) split(whole text) {
	rest := trimText(whole)
	i := strings.IndexAny(rest.s, " \t\v\f\r")
	if i < 0 {
		return
	}
	rest = trimText(rest.slice(i, len(rest.s)))
	for strings.HasPrefix(rest.s, "--") {
		n := flagEnd(rest.s)
		in.flags = append(in.flags, rest.slice(0, n))
		in.Flags = append(in.Flags, rest.s[:n])
		rest = trimText(rest.slice(n, len(rest.s)))
	}
	in.body = rest
	switch in.Verb {
	case "RUN", "CMD", "ENTRYPOINT", "SHELL", "COPY", "ADD", "VOLUME":
		in.list = jsonList(rest)
	}
}

// flagEnd is where a flag ends, whose value can hold blanks in quotes.
func flagEnd(s string) int {
	quote := byte(0)
	for i := range len(s) {
		switch c := s[i]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == ' ' || c == '\t':
			return i
		}
	}
	return len(s)
}

func trimText(t text) text {
	s := strings.TrimLeft(t.s, " \t\v\f\r\n")
	from := len(t.s) - len(s)
	return t.slice(from, from+len(strings.TrimRight(s, " \t\v\f\r\n")))
}

// jsonList reads ["a", "b"], nil for what is none: the parser takes it for a
// command of the shell then.
func jsonList(t text) []text {
	var plain []string
	if !strings.HasPrefix(t.s, "[") || json.Unmarshal([]byte(t.s), &plain) != nil {
		return nil
	}
	list := []text{}
	for i := 0; i < len(t.s); i++ {
		if t.s[i] == '"' {
			word, end := jsonString(t, i+1)
			list = append(list, word)
			i = end
		}
	}
	if len(list) != len(plain) {
		return nil
	}
	return list
}

// jsonString reads a string from behind its first quote to the last one, which
// must be there. What is escaped is where its escape sequence ends.
func jsonString(t text, i int) (word text, end int) {
	var all builder
	for ; i < len(t.s) && t.s[i] != '"'; i++ {
		if t.s[i] != '\\' || i+1 == len(t.s) {
			all.add(t.slice(i, i+1))
			continue
		}
		size := 2
		if t.s[i+1] == 'u' {
			size = min(6, len(t.s)-i)
		}
		var s string
		if json.Unmarshal([]byte(`"`+t.s[i:i+size]+`"`), &s) != nil {
			s = string(utf8.RuneError)
		}
		escaped := nowhere(s)
		for j := range escaped.from {
			escaped.from[j] = t.from[i+size-1]
		}
		all.add(escaped)
		i += size - 1
	}
	return all.text(), i
}

// HereDoc is the content of the first here-document, "" if there is none.
func (in *Instruction) HereDoc() string {
	if len(in.docs) == 0 {
		return ""
	}
	return in.docs[0].content.s
}

// Rest is what follows the verb and the flags.
func (in *Instruction) Rest() string { return in.body.s }

// Flag is the value of a flag, such as --from.
func (in *Instruction) Flag(name string) string {
	for _, f := range in.flags {
		if value, ok := strings.CutPrefix(f.s, name+"="); ok {
			return value
		}
	}
	return ""
}
