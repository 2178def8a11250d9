package hook

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/docker-userns/docker-userns/internal/audit"
)

// request is what the CLI says of the command that it ran. Flags that are given
// have an empty value, unless they are booleans; arguments are not in it.
type request struct {
	RootCmd      string
	Flags        map[string]string
	CommandError string
}

// response is what the CLI prints: a template, whose functions give arguments and
// flags. An empty one prints nothing.
type response struct {
	Type     int // 0: next steps, the only type
	Template string
}

// Answer gives what the plugin answers to a call of the CLI. It has something to
// say only of a command that failed for an ID. docker writes a command of docker,
// with what says which engine it goes to.
func Answer(call string, docker func(words ...string) string) string {
	var r request
	_ = json.Unmarshal([]byte(call), &r) // says nothing of a call that it cannot read
	answer, _ := json.Marshal(response{Template: r.hint(docker)})
	return string(answer)
}

// Parts of the template. The functions of the CLI before 29.4 are all that every
// version knows. What a user typed is printed only if it can be pasted as it is
// between single quotes: js changes what cannot.
const (
	image    = `{{arg . 0}}`
	platform = `{{with flag . "platform"}} --platform {{.}}{{end}}`
	file     = `{{$f := flag . "input"}}{{if and $f (eq $f (js $f))}}'{{$f}}'{{else}}FILE{{end}}`
	tarball  = `{{$f := arg . 0}}{{if and (ne $f "-") (ne "http" (printf "%.4s" $f)) (eq $f (js $f))}}'{{$f}}'{{else}}FILE{{end}}`
)

// hint is a line that says what to do next, "" if there is nothing to say.
func (r request) hint(docker func(words ...string) string) string {
	e, ok := cause(r.CommandError)
	words := strings.Fields(r.RootCmd)
	if !ok || len(words) == 0 {
		return ""
	}
	find := find(e, docker)
	if _, given := r.Flags["platform"]; given {
		find += platform
	}
	switch words[len(words)-1] {
	case "pull":
		return find + " docker://" + image
	case "run", "create":
		if strings.Contains(r.CommandError, pulling) {
			return find + " docker://" + image
		}
		return find + " " + image
	case "load":
		return find + " " + file
	case "import":
		return list(e)
	}
	return ""
}

// pulling is what an engine says before the error of a layer that it was pulling.
const pulling = "failed to register layer"

// cause is the first of an error's messages that an image can be the cause of.
func cause(message string) (audit.Explained, bool) {
	for _, e := range audit.ExplainAll(message) {
		switch e.Kind {
		case audit.KindLayer, audit.KindUser, audit.KindGroup, audit.KindRootless, audit.KindPath:
			return e, true
		}
	}
	return audit.Explained{}, false
}

// find begins a command that finds the file that a message is about.
func find(e audit.Explained, docker func(words ...string) string) string {
	words, does := append([]string{"userns", "audit-image"}, e.Words()...), "Find the file and its cure: "
	if e.Kind == audit.KindUser || e.Kind == audit.KindGroup {
		words, does = words[:2], "See which user the image needs: "
	}
	return does + strings.ReplaceAll(docker(words...), "{{", `{{"{{"}}`)
}

// list is a command that finds the file in an archive that is no image.
func list(e audit.Explained) string {
	ids := e.IDs()
	if len(ids) == 0 {
		return ""
	}
	return fmt.Sprintf("Find the file: tar --numeric-owner -tvf %s | grep -w %d", tarball, ids[0])
}
