//go:build linux

package main

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"
)

const maxMemory = 64 // MiB

// render writes the table.
func render(contests []contest) string {
	var s strings.Builder
	fmt.Fprintln(&s, "| work | `audit-image` | compared with | takes | ratio (from-to) | target | met | peak memory |")
	fmt.Fprintln(&s, "| --- | ---: | --- | ---: | ---: | ---: | --- | ---: |")
	peak := 0.0
	for i := range contests {
		c := &contests[i]
		for _, r := range c.rows {
			memory := c.mebibytes(r.ours)
			peak = max(peak, memory)
			fmt.Fprintf(&s, "| %s | %s | %.0f MiB |\n", c.name(r), c.compare(r), memory)
		}
	}
	fmt.Fprintf(&s, "| all of these | | | | | <= %d MiB | %s | %.0f MiB |\n", maxMemory, met(peak <= maxMemory), peak)
	return s.String()
}

// name is the work, and how we did it if that can be chosen.
func (c *contest) name(r row) string {
	if len(c.rows) > 1 && c.rows[0].peer == c.rows[1].peer {
		return c.work + ", " + strings.TrimPrefix(c.commands[r.ours].name, "audit-image, ")
	}
	return c.work
}

func (c *contest) compare(r row) string {
	ours := fmt.Sprintf("%.2f s", median(c.seconds(r.ours)))
	if r.ours == r.peer {
		return ours + " | | | | |"
	}
	if r.beyond > 0 {
		more := c.beyond(r)
		return fmt.Sprintf("%.3f s | `%s` | %.3f s | %+d ms | <= %d ms more | %s", median(c.seconds(r.ours)), c.commands[r.peer].name, median(c.seconds(r.peer)),
			more.Milliseconds(), r.beyond.Milliseconds(), met(more <= r.beyond))
	}
	all := c.ratios(r)
	return fmt.Sprintf("%s | `%s` | %.2f s | %s (%s-%s) | <= %s | %s", ours, c.commands[r.peer].name, median(c.seconds(r.peer)),
		ratio(median(all)), ratio(all[0]), ratio(all[len(all)-1]), ratio(r.limit), met(median(all) <= r.limit))
}

func met(yes bool) string {
	if yes {
		return "yes"
	}
	return "**no**"
}

// machine says where and when it was measured.
func machine(before string) string {
	release, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	return fmt.Sprintf("\nMeasured on %s: %d x %s, Linux %s, load average %s before and %s after. Times are medians, ratios medians of the ratios of the rounds.\n",
		time.Now().UTC().Format(time.DateOnly), runtime.NumCPU(), processor(), strings.TrimSpace(string(release)), before, load())
}

func processor() string {
	f, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return runtime.GOARCH
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if key, value, _ := strings.Cut(s.Text(), ":"); strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}

// replace puts the table between the marks of a file.
func replace(file, table string) error {
	const from, to = "<!-- bench -->\n", "<!-- /bench -->"
	b, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	before, rest, ok := strings.Cut(string(b), from)
	_, after, closed := strings.Cut(rest, to)
	if !ok || !closed {
		return fmt.Errorf("%s has no line %q with a line %q below it", file, strings.TrimSpace(from), to)
	}
	return os.WriteFile(file, []byte(before+from+table+to+after), 0o644)
}
