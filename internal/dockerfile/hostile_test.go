package dockerfile

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// Commands made to be slow or deep are given up on.
func TestHostileCommands(t *testing.T) {
	deep := func(open, shut string) string {
		n := maxScript / (len(open) + len(shut))
		return strings.Repeat(open, n-1) + strings.Repeat(shut, n-1)
	}
	for name, command := range map[string]string{
		"subshells":     deep("(", ")"),
		"open ones":     strings.Repeat("(", maxScript),
		"substitutions": deep("$(", ")"),
		"defaults":      deep("${a:-", "}"),
		"backquotes":    strings.Repeat("`", maxScript),
		"growing":       "a=x; " + strings.Repeat("a=$a$a$a$a; ", 5000),
		"loops":         strings.Repeat("for a in 1 2 3 4 5 6 7 8 9; do ", 500) + "chown $a /x" + strings.Repeat("; done", 500),
		"scripts":       strings.Repeat("eval sh -c ", 5000) + "x",
		"wrappers":      strings.Repeat("env nice ", 7000) + "chown 70000 /x",
		"find":          strings.Repeat("find / -exec ", 4000) + "chown 70000 {} +",
		"numbers":       strings.Repeat("chown 70000:70001 /x; ", 2900),
		"options":       "useradd " + strings.Repeat("-u 70000 ", 7000),
		"exec form":     `["sh", "-c", "` + strings.Repeat("(", 4<<20) + `"]`,
	} {
		start := time.Now()
		var all []*Instruction
		for range 2 {
			all = append(all, New("RUN", command, nil))
		}
		Analyze(all, "")
		if took := time.Since(start); took > 20*time.Second {
			t.Errorf("%s: took %s", name, took)
		} else {
			t.Logf("%s: %s", name, took)
		}
	}
}

// The history of an image may set a variable in each of its lines.
func TestManyVariables(t *testing.T) {
	var all []*Instruction
	for i := range 40000 {
		all = append(all, New("ENV", fmt.Sprintf("A%d=1", i), nil))
	}
	start := time.Now()
	Analyze(all, "")
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("took %s", took)
	}
}
