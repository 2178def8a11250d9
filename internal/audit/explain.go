package audit

import (
	"regexp"
	"strconv"
	"strings"
)

// A Kind is what an engine was doing when it met an ID outside its map.
type Kind string

const (
	// KindLayer: a header of a layer, of a build's ADD or COPY --chown, or of a
	// docker cp, has an owner that is not mapped.
	KindLayer Kind = "layer"
	// KindUser and KindGroup: a process was to run as this user or group.
	KindUser  Kind = "user"
	KindGroup Kind = "group"
	// KindHost: a file on the host has an owner that no container ID stands for.
	// The engine only logs it, and leaves the file out of a commit, an export or
	// a build's layer.
	KindHost Kind = "host"
	// KindRootless: the daemon itself runs in a user namespace that has no such ID.
	KindRootless Kind = "rootless"
)

// Explained is what an engine's error says.
type Explained struct {
	Kind Kind
	ID   int64
	// HasID is false for messages that name no number: runc before 1.2 does not
	// say which user was unmapped.
	HasID bool
}

var (
	// noise are the escape sequences that terminals and logs put between letters
	// (ECMA-48 CSI and OSC), themselves or written out.
	noise = regexp.MustCompile(`(?:\x1b|\\x1b|\\u001[bB]|\\033|\\e)(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b\n]*(?:\x07|\x1b\\))?`)

	// messages, as dockerd 20.10 to 29.7 and runc 1.0 to 1.3 word them. Blanks can
	// have become line ends on the way.
	messages = []struct {
		kind Kind
		form *regexp.Regexp
	}{
		{KindLayer, regexp.MustCompile(`(?i)container\s+ID\s+(-?\d+)\s+cannot\s+be\s+mapped\s+to\s+a\s+host\s+ID`)},
		{KindHost, regexp.MustCompile(`(?i)host\s+ID\s+(-?\d+)\s+cannot\s+be\s+mapped\s+to\s+a\s+container\s+ID`)},
		{KindUser, regexp.MustCompile(`(?i)cannot\s+set\s?uid\s+to\s+unmapped\s+u(?:ser|id)(?:\s+(\d+))?\s+in\s+(?:the\s+)?user\s+namespace`)},
		{KindGroup, regexp.MustCompile(`(?i)cannot\s+set\s?gid\s+to\s+unmapped\s+(?:group|user|gid)(?:\s+(\d+))?\s+in\s+(?:the\s+)?user\s+namespace`)},
		{KindRootless, regexp.MustCompile(`(?i)failed\s+to\s+Lchown\s+.+?\s+for\s+UID\s+(\d+),\s+GID\s+\d+`)},
		{KindGroup, regexp.MustCompile(`(?i)unable\s+to\s+setup\s+user:\s+setgroups:\s+invalid\s+argument()`)},
	}
)

// Explain takes the ID out of an engine's error message, whatever text is around
// it; of several the first that names a number. False where there is none.
func Explain(text string) (Explained, bool) {
	all := ExplainAll(text)
	for _, e := range all {
		if e.HasID {
			return e, true
		}
	}
	if len(all) > 0 {
		return all[0], true
	}
	return Explained{}, false
}

// ExplainAll is Explain for a log with several messages: each number and kind
// once, in the order of the log.
func ExplainAll(text string) []Explained {
	text = noise.ReplaceAllString(strings.ToValidUTF8(text, " "), "")
	var all []Explained
	seen := map[Explained]bool{}
	for at := 0; ; {
		e, end, ok := next(text[at:])
		if !ok {
			return all
		}
		at += end
		if !seen[e] {
			seen[e] = true
			all = append(all, e)
		}
	}
}

// next is the first message of text, and where it ends.
func next(text string) (Explained, int, bool) {
	found, start, end := Explained{}, len(text)+1, 0
	for _, m := range messages {
		loc := m.form.FindStringSubmatchIndex(text)
		if loc == nil || loc[0] >= start {
			continue
		}
		start, end, found = loc[0], loc[1], Explained{Kind: m.kind}
		if loc[2] >= 0 {
			id, err := strconv.ParseInt(text[loc[2]:loc[3]], 10, 64)
			found.ID, found.HasID = id, err == nil
		}
	}
	if !found.HasID {
		found.ID = 0
	}
	return found, end, end > 0
}
