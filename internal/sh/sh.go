// Package sh writes words for a POSIX shell.
package sh

import "strings"

// Quote makes one word of s, whatever it holds but NUL. It is for what is run: in quotes,
// no word is one of the shell's own, an alias or an assignment.
func Quote(s string) string {
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

const plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./:@%+=,-"

// Word is Quote for people: a word that needs no quotes has none.
func Word(s string) string {
	if s != "" && strings.Trim(s, plain) == "" {
		return s
	}
	return Quote(s)
}

// Command writes a command for people. Its first word is a program of ours: one with "="
// in it would be an assignment.
func Command(words ...string) string {
	all := make([]string, len(words))
	for i, w := range words {
		all[i] = Word(w)
	}
	return strings.Join(all, " ")
}
