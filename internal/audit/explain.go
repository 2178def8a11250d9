package audit

import (
	"iter"
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
	// KindTar: a tar that runs in a container unpacks a file of such an owner.
	KindTar Kind = "tar"
	// KindPath: a file could not be given its owner, which the message does not name.
	KindPath Kind = "path"
	// KindPlain: just a number, or a path.
	KindPlain Kind = "plain"
)

// Explained is what an engine's error says.
type Explained struct {
	Kind Kind
	ID   int64
	// HasID is false for messages that name no number: runc before 1.2 does not
	// say which user was unmapped.
	HasID bool
	// GID is a second number, if the message has one for each.
	GID    int64
	HasGID bool
	// Path is the file, "" if the message does not name it.
	Path string
}

// IDs are the numbers to look for. 0 is in every map: it is none of them.
func (e Explained) IDs() (ids []int64) {
	if e.HasID && (e.ID != 0 || !e.HasGID && e.Path == "") {
		ids = append(ids, e.ID)
	}
	if e.HasGID && e.GID != 0 && e.GID != e.ID {
		ids = append(ids, e.GID)
	}
	return ids
}

// AskedBy is what to look for to answer some messages, nil if they say nothing of it.
func AskedBy(all []Explained) *Asked {
	var a Asked
	for _, e := range all {
		for _, id := range e.IDs() {
			a.IDs = appendNew(a.IDs, id)
		}
		if name, _ := clean([]byte(e.Path)); e.Path != "" {
			a.Paths = appendNew(a.Paths, string(name))
		}
	}
	if len(a.IDs)+len(a.Paths) == 0 {
		return nil
	}
	return &a
}

var (
	// noise are the escape sequences that terminals and logs put between letters
	// (ECMA-48 CSI and OSC), themselves or written out.
	noise = regexp.MustCompile(`(?:\x1b|\\x1b|\\u001[bB]|\\033|\\e)(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b\n]*(?:\x07|\x1b\\))?`)

	// messages, as dockerd 20.10 to 29.7, runc 1.0 to 1.3, crun, podman and tar word
	// them. Blanks can have become line ends on the way, and quotes are escaped in
	// logs. Groups: the ID, the GID, the path.
	messages = []struct {
		kind Kind
		form *regexp.Regexp
	}{
		{KindLayer, regexp.MustCompile(`(?i)container\s+ID\s+(?P<id>-?\d+)\s+cannot\s+be\s+mapped\s+to\s+a\s+host\s+ID`)},
		{KindHost, regexp.MustCompile(`(?i)host\s+ID\s+(?P<id>-?\d+)\s+cannot\s+be\s+mapped\s+to\s+a\s+container\s+ID`)},
		{KindUser, regexp.MustCompile(`(?i)cannot\s+set\s?uid\s+to\s+unmapped\s+u(?:ser|id)(?:\s+(?P<id>\d+))?\s+in\s+(?:the\s+)?user\s+namespace`)},
		{KindGroup, regexp.MustCompile(`(?i)cannot\s+set\s?gid\s+to\s+unmapped\s+(?:group|user|gid)(?:\s+(?P<id>\d+))?\s+in\s+(?:the\s+)?user\s+namespace`)},
		{KindRootless, regexp.MustCompile(`(?i)failed\s+to\s+Lchown\s+\\*"?(?P<path>/[^\s"\\]*)?[^\n]*?\s+for\s+UID\s+(?P<id>\d+),\s+GID\s+(?P<gid>\d+)(?:\s+\(try[^)]*\))?(?:: lchown \S+: invalid argument)?`)},
		{KindRootless, regexp.MustCompile(`(?i)(?:insufficient\s+UIDs\s+or\s+GIDs|not\s+be\s+enough\s+IDs)\s+available\s+in\s+(?:the\s+)?(?:user\s+)?namespace\s*\(requested\s+(?P<id>\d+):(?P<gid>\d+)\s+for\s+(?P<path>[^)\s]+)\)(?:: Check [^\n]*?)?(?:: lchown \S+: invalid argument)?`)},
		{KindRootless, regexp.MustCompile(`(?i)(?:not\s+be\s+enough\s+IDs\s+available\s+in\s+(?:the\s+)?(?:user\s+)?namespace)`)},
		{KindGroup, regexp.MustCompile(`(?i)unable\s+to\s+setup\s+user:\s+setgroups:\s+invalid\s+argument`)},
		{KindUser, regexp.MustCompile(`(?i)\bset(?:res)?uid\s*\(\s*(?P<id>\d+)[^)\n]*\)`)},
		{KindGroup, regexp.MustCompile(`(?i)\bset(?:res)?gid\s*\(\s*(?P<id>\d+)[^)\n]*\)`)},
		{KindTar, regexp.MustCompile(`(?i)(?:tar:\s+(?P<path>[^\n:]+):\s+)?cannot\s+change\s+ownership\s+to\s+uid\s+(?P<id>\d+),\s+gid\s+(?P<gid>\d+)`)},
		{KindPath, regexp.MustCompile(`(?i)\bl?chown\s+(?P<path>/[^\n:]+):\s+invalid\s+argument`)},
	}
	bareNumber = regexp.MustCompile(`^\s*(-?\d{1,18})\s*$`)
	barePath   = regexp.MustCompile(`^\s*(/[^\n]+?)\s*$`)
)

// Explain takes the ID out of an engine's error message, whatever text is around
// it; of several the first that names a number. False if there is none.
func Explain(text string) (Explained, bool) {
	all := ExplainAll(text)
	for _, e := range all {
		if len(e.IDs()) > 0 {
			return e, true
		}
	}
	if len(all) > 0 {
		return all[0], true
	}
	return Explained{}, false
}

// ExplainAll is Explain for a log with several messages: each number and kind
// once, in the order of the log. A number or a path by itself is one, too.
func ExplainAll(text string) []Explained {
	text = noise.ReplaceAllString(strings.ToValidUTF8(text, " "), "")
	if m := bareNumber.FindStringSubmatch(text); m != nil {
		id, err := strconv.ParseInt(m[1], 10, 64)
		return []Explained{{Kind: KindPlain, ID: id, HasID: err == nil}}
	}
	var all []Explained
	seen := map[Explained]bool{}
	for e := range found(text) {
		if !seen[e] {
			seen[e] = true
			all = append(all, e)
		}
	}
	if m := barePath.FindStringSubmatch(text); len(all) == 0 && m != nil {
		all = append(all, Explained{Kind: KindPlain, Path: m[1]})
	}
	return all
}

// found are the messages of a text, in order, none within another. Each form goes
// through the text once.
func found(text string) iter.Seq[Explained] {
	return func(yield func(Explained) bool) {
		next := make([][]int, len(messages)) // where each form matches next
		for i, m := range messages {
			next[i] = m.form.FindStringSubmatchIndex(text)
		}
		for {
			first := -1
			for i, at := range next {
				if at != nil && (first < 0 || at[0] < next[first][0]) {
					first = i
				}
			}
			if first < 0 {
				return
			}
			e := Explained{Kind: messages[first].kind}
			e.fill(text, next[first], messages[first].form.SubexpNames())
			if !yield(e) {
				return
			}
			pass(text, next, next[first][1])
		}
	}
}

// pass has each form match behind the end of a message.
func pass(text string, next [][]int, end int) {
	for i, at := range next {
		if at == nil || at[0] >= end {
			continue
		}
		next[i] = messages[i].form.FindStringSubmatchIndex(text[end:])
		for k := range next[i] {
			if next[i][k] >= 0 {
				next[i][k] += end
			}
		}
	}
}

// fill takes the groups of a match.
func (e *Explained) fill(text string, loc []int, names []string) {
	for i, name := range names {
		if loc[2*i] < 0 {
			continue
		}
		value := text[loc[2*i]:loc[2*i+1]]
		id, err := strconv.ParseInt(value, 10, 64)
		switch {
		case name == "path":
			e.Path = value
		case name == "id" && err == nil:
			e.ID, e.HasID = id, true
		case name == "gid" && err == nil:
			e.GID, e.HasGID = id, true
		}
	}
}
