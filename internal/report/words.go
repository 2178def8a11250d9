package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/docker-userns/docker-userns/internal/escape"
	"github.com/docker-userns/docker-userns/internal/sh"
	"github.com/docker-userns/docker-userns/internal/survey"
)

// Docker writes a command of docker, so that it goes to the engine that was
// surveyed, wherever docker goes by default.
func Docker(f survey.Facts, words ...string) string {
	docker := f.Docker
	if len(docker) == 0 {
		docker = []string{"docker"}
	}
	return sh.Command(slices.Concat(docker, words)...)
}

// Count writes a number with its noun: "1 container", "3 containers".
func Count(n int, noun string) string { return Counted(n, noun, noun+"s") }

// Counted writes a number with words that go with it: "1 container runs", "3 containers
// run".
func Counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// Once leaves out the lines that are there already, and keeps the order.
func Once(lines []string) []string {
	var once []string
	for _, line := range lines {
		if !slices.Contains(once, line) {
			once = append(once, line)
		}
	}
	return once
}

// Beginning gives enough of an answer to recognize it by, on one line: at most 200
// bytes and an ellipsis, or "nothing".
func Beginning(body []byte) string {
	const enough = 200
	text := strings.Join(strings.Fields(string(body[:min(len(body), 4*enough)])), " ")
	if text == "" {
		return "nothing"
	}
	return escape.Head(text, enough)
}
