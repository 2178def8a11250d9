package probe

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path"
	"strings"
	"time"
)

// insideScript is what Main's "look" does, for an image that holds a sh: it
// says its ID maps and its IDs, makes an empty file at each path and opens its
// directory to all, as far as it may, and then waits until stdin ends.
const insideScript = `for map in uid_map gid_map; do
	while read -r line; do echo "$map $line"; done </proc/self/$map
done
while read -r key rest; do
	case $key in Uid: | Gid: | Groups:) echo "status $key $rest" ;; esac
done </proc/self/status
for path; do
	if why=$( (: >"$path") 2>&1); then echo "wrote $path"; else echo "refused $path ${why##*: }"; fi
	chmod 1777 "${path%/*}" 2>/dev/null
done
echo done
read -r line || :`

// lastLine ends what a probe says.
const lastLine = "done"

// Main is what this program does inside a container of a probe, by the
// first argument: "stay" waits for a minute, "look" says what it sees, "connect"
// talks to sockets. It returns the exit code.
func Main(args []string, stdin io.Reader, stdout io.Writer) int {
	switch {
	case len(args) == 1 && args[0] == "stay":
		time.Sleep(lifetime)
	case len(args) > 1 && args[0] == "look":
		reportInside(args[1:], stdout)
		_, _ = io.Copy(io.Discard, stdin)
	case len(args) > 1 && args[0] == "connect":
		connectInside(args[1:], stdout)
	default:
		fmt.Fprintln(stdout, "docker userns runs this program in a container")
		return 2
	}
	return 0
}

func reportInside(paths []string, stdout io.Writer) {
	for _, name := range []string{"uid_map", "gid_map"} {
		eachLine("/proc/self/"+name, func(line string) { fmt.Fprintln(stdout, name, line) })
	}
	eachLine("/proc/self/status", func(line string) {
		if key, _, _ := strings.Cut(line, ":"); key == "Uid" || key == "Gid" || key == "Groups" {
			fmt.Fprintln(stdout, "status", line)
		}
	})
	for _, file := range paths {
		if err := os.WriteFile(file, nil, 0o644); err != nil {
			fmt.Fprintln(stdout, "refused", file, reason(err))
		} else {
			fmt.Fprintln(stdout, "wrote", file)
		}
		_ = os.Chmod(path.Dir(file), 0o777|os.ModeSticky) // only root may
	}
	fmt.Fprintln(stdout, lastLine)
}

func eachLine(name string, do func(string)) {
	f, err := os.Open(name)
	if err != nil {
		return
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		do(lines.Text())
	}
}

// reason is an error without the path that it is of.
func reason(err error) string {
	text := err.Error()
	return text[strings.LastIndex(text, ": ")+1:]
}
