package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// generators are what can stand between "<!-- NAME ARGUMENT -->" and "<!-- /NAME -->".
var generators = map[string]func(root, argument string) (string, error){
	"checks":     checkTable,
	"questions":  questionTable,
	"keys":       keyTable,
	"file":       file,
	"transcript": transcript,
}

var mark = regexp.MustCompile(`^<!-- ([a-z]+)(?: (.+))? -->\n$`)

// filled generates the text between the marks of a document.
func filled(root, path, text string) (string, error) {
	var b strings.Builder
	end := "" // the mark that ends what is left out
	for line := range strings.Lines(text) {
		switch m := mark.FindStringSubmatch(line); {
		case line == end:
			end = ""
			b.WriteString(line)
		case end != "":
		case m == nil:
			b.WriteString(line)
		default:
			generate, known := generators[m[1]]
			if !known {
				return "", fmt.Errorf("%s: nothing is called %q", path, m[1])
			}
			between, err := generate(root, m[2])
			if err != nil {
				return "", fmt.Errorf("%s: %s: %w", path, strings.TrimSpace(line), err)
			}
			b.WriteString(line + between)
			end = "<!-- /" + m[1] + " -->\n"
		}
	}
	if end != "" {
		return "", fmt.Errorf("%s: %s is missing", path, strings.TrimSpace(end))
	}
	return b.String(), nil
}

// file shows a file of the project. Its argument is the path.
func file(root, path string) (string, error) {
	text, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		return "", err
	}
	language := strings.TrimPrefix(filepath.Ext(strings.TrimSuffix(path, ".golden")), ".")
	return fenced(language, string(text)), nil
}

// transcript shows what a command prints. Its argument is "GOLDEN: COMMAND".
func transcript(root, argument string) (string, error) {
	path, command, ok := strings.Cut(argument, ": ")
	if !ok {
		return "", fmt.Errorf("write GOLDEN: COMMAND")
	}
	text, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		return "", err
	}
	return fenced("console", "$ "+command+"\n"+string(text)), nil
}

// fenced is a block of code.
func fenced(language, text string) string {
	fence := "```"
	for strings.Contains(text, fence) {
		fence += "`"
	}
	return fence + language + "\n" + strings.TrimRight(text, "\n") + "\n" + fence + "\n"
}
