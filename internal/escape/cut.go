package escape

import "unicode/utf8"

// Head gives at most the first bytes of a text, in whole characters, and says with an
// ellipsis that there is more.
func Head(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return text[:boundary(text, most)] + "..."
}

// Tail gives about the last bytes of a text in the same way.
func Tail(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return "..." + text[boundary(text, len(text)-most):]
}

// boundary is where the character begins that has the byte at a place, or that place
// itself if it is in no character.
func boundary(text string, at int) int {
	for n := range utf8.UTFMax {
		if at-n >= 0 && utf8.RuneStart(text[at-n]) {
			return at - n
		}
	}
	return at
}
