// test-report reads what `go test -json` writes. It prints a test that fails, with
// its own output, as soon as it has failed; at the end what was left out and why,
// and go test's line for each package.
package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
)

func main() {
	r := report{out: os.Stdout, log: os.Stderr, tests: map[string]*test{}, skipped: map[string][]string{}}
	if err := r.read(os.Stdin); err != nil {
		fmt.Fprintln(os.Stderr, "test: reading the output of go test:", err)
		os.Exit(2)
	}
	if !r.end() {
		os.Exit(1)
	}
}

// maxLines is how much of one test's output is printed. A test that hangs ends
// with the stacks of all goroutines.
const maxLines = 200

// event is one line of `go test -json`, see `go doc test2json`. Those of a build
// that fails have an import path instead of a package.
type event struct {
	Action, Package, Test, Output, ImportPath string
	Elapsed                                   float64
}

// test is a test that goes on, or a package, or a build.
type test struct{ lines []string }

type report struct {
	out, log io.Writer
	tests    map[string]*test // by package and name
	skipped  map[string][]string
	notes    []string // about the random choices of this run
	packages []string // go test's line for each
	passed   int
	failed   int
	bad      bool
}

func (r *report) read(in io.Reader) error {
	lines := bufio.NewReader(in)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 {
			var e event
			if json.Unmarshal(line, &e) != nil || e.Action == "" {
				fmt.Fprintf(r.log, "%s\n", strings.TrimSuffix(string(line), "\n")) // of the go command itself
			} else {
				r.take(e)
			}
		}
		if err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}

func (r *report) take(e event) {
	id := e.Package + e.ImportPath + " " + e.Test
	switch e.Action {
	case "start", "run":
		r.tests[id] = &test{}
	case "output", "build-output":
		if r.tests[id] == nil {
			r.tests[id] = &test{}
		}
		r.tests[id].lines = append(r.tests[id].lines, strings.TrimSuffix(e.Output, "\n"))
	case "pass", "fail", "skip", "build-fail":
		r.done(e, r.tests[id])
		delete(r.tests, id)
	}
}

var (
	frame    = regexp.MustCompile(`^\s*(=== |--- (PASS|SKIP|FAIL): )`)
	summary  = regexp.MustCompile(`^(ok  |FAIL|\?   )\t`)
	location = regexp.MustCompile(`^\s*[A-Za-z0-9_]+\.go:[0-9]+: `)
	noted    = regexp.MustCompile(`seed[ =:]+[0-9]+|fault points tried: [0-9]+ of [0-9]+, failed: [0-9]+$`)
)

// done tells of a test, a package or a build that has ended.
func (r *report) done(e event, t *test) {
	var own []string
	if t != nil {
		for _, line := range t.lines {
			switch {
			case summary.MatchString(line) && e.Test == "":
				r.packages = append(r.packages, line)
			case e.Test == "" && (line == "PASS" || line == "FAIL" || strings.HasPrefix(line, "exit status ")):
			case !frame.MatchString(line):
				own = append(own, line)
			}
			if found := noted.FindString(line); found != "" && !slices.Contains(r.notes, found) {
				r.notes = append(r.notes, found)
			}
		}
	}
	switch {
	case e.Action == "skip" && e.Test != "":
		why := "without a reason"
		if len(own) > 0 {
			why = location.ReplaceAllString(own[0], "")
		}
		r.skipped[why] = append(r.skipped[why], e.Test)
	case e.Action == "pass" && e.Test != "":
		r.passed++
		if slices.Contains(own, "WARNING: DATA RACE") { // which may fail the next test instead
			r.fail(e, own)
		}
	case e.Action == "fail" || e.Action == "build-fail":
		r.fail(e, own)
	}
}

func (r *report) fail(e event, own []string) {
	r.bad = true
	if e.Test == "" && len(own) == 0 {
		return // a package, of whose tests all was told
	}
	r.failed++
	fmt.Fprintf(r.out, "--- FAIL: %s (%s%s, %.2fs)\n", cmp.Or(e.Test, "package"), e.Package, e.ImportPath, e.Elapsed)
	if left := len(own) - maxLines; left > 0 {
		own = append(append(own[:maxLines/2:maxLines/2], fmt.Sprintf("    ... %d lines left out; run this test alone to see them", left)), own[len(own)-maxLines/2:]...)
	}
	for _, line := range own {
		fmt.Fprintln(r.out, line)
	}
}

// end prints what is said of the whole run, and reports whether all is well.
func (r *report) end() bool {
	for id, t := range r.tests { // what go test did not tell the end of
		pkg, name, _ := strings.Cut(id, " ")
		r.fail(event{Package: pkg, Test: name}, append(t.lines, "it did not end"))
	}
	whys := make([]string, 0, len(r.skipped))
	for why := range r.skipped {
		whys = append(whys, why)
	}
	slices.Sort(whys)
	for _, why := range whys {
		fmt.Fprintf(r.out, "test: left out, %s: %s\n", why, strings.Join(r.skipped[why], " "))
	}
	slices.Sort(r.notes)
	for _, note := range r.notes {
		fmt.Fprintln(r.out, "test:", note)
	}
	slices.SortStableFunc(r.packages, func(a, b string) int { return strings.Compare(order(a), order(b)) })
	for _, line := range r.packages {
		if !strings.HasPrefix(line, "?") {
			fmt.Fprintln(r.out, line)
		}
	}
	fmt.Fprintf(r.log, "test: %d passed, %d failed\n", r.passed, r.failed)
	if r.bad || len(r.packages) == 0 {
		fmt.Fprintln(r.out, "FAIL")
		return false
	}
	return true
}

// order puts packages that failed last, where they are seen.
func order(line string) string {
	if strings.HasPrefix(line, "ok") {
		return "0"
	}
	return "1"
}
