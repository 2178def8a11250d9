package dockerfile

// A place is where a byte of a text is: at an offset of an instruction as it
// is written, or in a build argument that was given from outside.
type place struct {
	in  *Instruction
	arg string
	at  int
}

// text is what an instruction or a variable expands to. It knows for each byte
// where it was written, so that a number can be changed there.
type text struct {
	s    string
	from []place
}

// at is a text that is in an instruction from an offset on, byte for byte.
func at(in *Instruction, s string, offset int) text {
	t := text{s: s, from: make([]place, len(s))}
	for i := range t.from {
		t.from[i] = place{in: in, at: offset + i}
	}
	return t
}

// given is the value of a build argument that the Dockerfile does not have.
func given(arg, value string) text {
	t := text{s: value, from: make([]place, len(value))}
	for i := range t.from {
		t.from[i] = place{arg: arg, at: i}
	}
	return t
}

// nowhere is a text that is written in no place.
func nowhere(s string) text { return text{s: s, from: make([]place, len(s))} }

func (t text) slice(from, to int) text { return text{s: t.s[from:to], from: t.from[from:to]} }

func (t text) add(u text) text {
	return text{s: t.s + u.s, from: append(t.from[:len(t.from):len(t.from)], u.from...)}
}

// builder puts a text together in time that grows with its length.
type builder struct {
	b    []byte
	from []place
}

func (b *builder) add(t text) {
	b.b = append(b.b, t.s...)
	b.from = append(b.from, t.from...)
}

func (b *builder) text() text { return text{string(b.b), b.from} }

// span is where the whole text is; false if it is not in one piece.
func (t text) span() (place, bool) {
	if len(t.from) == 0 || t.from[0].in == nil && t.from[0].arg == "" {
		return place{}, false
	}
	first := t.from[0]
	for i, p := range t.from {
		if p.in != first.in || p.arg != first.arg || p.at != first.at+i {
			return place{}, false
		}
	}
	return first, true
}

// end is the place right behind the text, in the instruction that its last byte
// is in; false if there is none.
func (t text) end() (place, bool) {
	if len(t.from) == 0 {
		return place{}, false
	}
	last := t.from[len(t.from)-1]
	last.at++
	return last, last.in != nil
}
