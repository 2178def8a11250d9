package survey

import "strings"

// parseEnvironment reads an environment file as systemd does (parse_env_file of
// src/basic/env-file.c): NAME=VALUE, comments with # and ; at the start of a line,
// quotes around all or parts of a value, backslashes before single characters and
// at the end of a line. A line that gives no valid name is passed over.
func parseEnvironment(text string) map[string]string {
	values := map[string]string{}
	for in := text; in != ""; {
		in = strings.TrimLeft(in, " \t\r\n")
		if in != "" && (in[0] == '#' || in[0] == ';') {
			in = afterComment(in)
			continue
		}
		end := strings.IndexAny(in, "=\n\r")
		if end < 0 {
			break
		}
		name := strings.TrimRight(in[:end], " \t")
		if in[end] != '=' {
			in = in[end+1:]
			continue
		}
		var value string
		value, in = environmentValue(in[end+1:])
		if validName(name) {
			values[name] = value
		}
	}
	return values
}

// afterComment passes over a comment, whose line goes on after a backslash.
func afterComment(in string) string {
	for i := 0; i < len(in); i++ {
		switch in[i] {
		case '\\':
			i++
		case '\n', '\r':
			return in[i+1:]
		}
	}
	return ""
}

// environmentValue reads a value up to the end of its line, and gives what comes
// after it. A quote counts at the beginning and after another quoted part.
func environmentValue(in string) (value, rest string) {
	var b strings.Builder
	for {
		in = strings.TrimLeft(in, " \t")
		switch {
		case in == "":
			return b.String(), ""
		case in[0] == '\'':
			text, after, _ := strings.Cut(in[1:], "'")
			b.WriteString(text)
			in = after
		case in[0] == '"':
			in = doubleQuoted(&b, in[1:])
		default:
			return bare(&b, in)
		}
	}
}

// doubleQuoted reads up to the closing quote. A backslash stands for itself except
// before the characters that a shell needs it for.
func doubleQuoted(b *strings.Builder, in string) (rest string) {
	for i := 0; i < len(in); i++ {
		switch {
		case in[i] == '"':
			return in[i+1:]
		case in[i] == '\\' && i+1 < len(in):
			i++
			if !strings.ContainsRune("\"\\`$\n", rune(in[i])) {
				b.WriteByte('\\')
			}
			if in[i] != '\n' {
				b.WriteByte(in[i])
			}
		default:
			b.WriteByte(in[i])
		}
	}
	return ""
}

// bare reads what is not quoted, up to the end of the line, without the blanks
// before that.
func bare(b *strings.Builder, in string) (value, rest string) {
	quoted := b.Len()
	i := 0
	for ; i < len(in) && in[i] != '\n' && in[i] != '\r'; i++ {
		if in[i] == '\\' && i+1 < len(in) {
			if i++; in[i] == '\n' {
				continue
			}
		}
		b.WriteByte(in[i])
	}
	all := b.String()
	value = all[:quoted] + strings.TrimRight(all[quoted:], " \t")
	return value, in[min(i+1, len(in)):]
}

func validName(name string) bool {
	for i, c := range name {
		if c != '_' && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return name != ""
}

// splitWords splits the value of a variable into words as systemd does
// (EXTRACT_UNQUOTE | EXTRACT_RELAX): at blanks, quotes taken off, and a backslash
// keeps the next character as it is.
func splitWords(text string) []string {
	var words []string
	var word strings.Builder
	open, quote := false, byte(0)
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case c == '\\' && i+1 < len(text):
			i++
			word.WriteByte(text[i])
			open = true
		case quote != 0 && c == quote:
			quote = 0
		case quote != 0:
			word.WriteByte(c)
		case c == '"' || c == '\'':
			quote, open = c, true
		case strings.IndexByte(" \t\r\n", c) >= 0:
			if open {
				words = append(words, word.String())
				word.Reset()
				open = false
			}
		default:
			word.WriteByte(c)
			open = true
		}
	}
	if open {
		words = append(words, word.String())
	}
	return words
}

// expand puts variables into a command line as systemd does (replace_env_argv of
// src/basic/env-util.c): a word that is $NAME becomes the words of its value, or
// none; ${NAME} within a word becomes the value; $$ is a dollar sign.
func expand(argv []string, values map[string]string) []string {
	var out []string
	for _, word := range argv {
		if len(word) > 1 && word[0] == '$' && word[1] != '{' && word[1] != '$' {
			out = append(out, splitWords(values[word[1:]])...)
			continue
		}
		out = append(out, expandWord(word, values))
	}
	return out
}

func expandWord(word string, values map[string]string) string {
	var b strings.Builder
	for {
		before, after, found := strings.Cut(word, "$")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		name, rest, closed := strings.Cut(strings.TrimPrefix(after, "{"), "}")
		switch {
		case strings.HasPrefix(after, "$"):
			b.WriteByte('$')
			word = after[1:]
		case strings.HasPrefix(after, "{") && closed && validName(name):
			b.WriteString(values[name])
			word = rest
		default:
			b.WriteByte('$')
			word = after
		}
	}
}
