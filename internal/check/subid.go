package check

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/docker-userns/docker-userns/internal/dockerd"
	"github.com/docker-userns/docker-userns/internal/idmap"
	"github.com/docker-userns/docker-userns/internal/ranges"
	"github.com/docker-userns/docker-userns/internal/report"
)

var subidChecks = []Check{
	{Question: Question{ID: "subid-files", Category: catSubID, Title: "/etc/subuid and /etc/subgid exist"}, Needs: []string{"host-reachable"}, Run: subidFiles},
	{Question: Question{ID: "subid-lines", Category: catSubID, Title: "Every line of both files is well-formed"}, Needs: []string{"subid-files"}, Run: subidLines},
	{Question: Question{ID: "subid-source", Category: catSubID, Title: "Ranges come from the files, which is where dockerd looks"}, Needs: []string{"host-reachable"}, Run: subidSource},
	{Question: Question{ID: "subid-account", Category: catSubID, Title: "dockerd accepts the account that has the ranges"}, Needs: []string{"host-reachable"}, Run: subidAccount},
	{Question: Question{ID: "subid-keys", Category: catSubID, Title: "The account's lines all have its name, or all have its UID"}, Needs: []string{"subid-files"}, Run: subidKeys},
	{Question: Question{ID: "subid-map", Category: catSubID, Title: "The engine can make an ID map of the account's ranges"}, Needs: []string{"subid-files", "subid-account"}, Run: subidMap},
	{Question: Question{ID: "subid-size", Category: catSubID, Title: "The map has 65536 UIDs and GIDs or more"}, Needs: []string{"subid-files", "subid-account", "subid-map"}, Run: subidSize},
	{Question: Question{ID: "subid-overlap", Category: catSubID, Title: "The ranges do not overlap others, nor each other"}, Needs: []string{"subid-files", "subid-map"}, Run: subidOverlap},
	{Question: Question{ID: "subid-accounts", Category: catSubID, Title: "No account of the host has an ID in the ranges"}, Needs: []string{"host-reachable", "subid-files", "subid-map"}, Run: subidAccounts},
	{Question: Question{ID: "subid-reserved", Category: catSubID, Title: "The ranges contain no ID that systemd or the kernel uses otherwise"}, Needs: []string{"subid-files", "subid-map"}, Run: subidReserved},
	{Question: Question{ID: "subid-live", Category: catSubID, Title: "No other process uses IDs of the ranges"}, Needs: []string{"host-reachable", "subid-files", "subid-map"}, Run: subidLive},
	{Question: Question{ID: "subid-free", Category: catSubID, Title: "A range of 65536 IDs is free"}, Needs: []string{"host-reachable", "subid-files"}, Run: subidFree},
}

func subidFiles(in *Input) Result {
	subuid, subgid, err := ranges.Files(in.Facts)
	if err != nil {
		if errors.Is(err, ranges.ErrTruncated) {
			return fail("%v", err)
		}
		return unread("the content of /etc/subuid and /etc/subgid", err)
	}
	var missing []string
	for _, f := range []idmap.File{subuid, subgid} {
		if f.Missing {
			missing = append(missing, f.Path)
		}
	}
	switch {
	case len(missing) == 0:
		return pass("both")
	case in.wanted():
		return fail("%s missing, and the engine does not start without", isAre(missing)).Fixed(command(append([]string{"sudo", "touch", "--"}, missing...)...))
	}
	return warn("%s missing, and useradd gives no ranges without", isAre(missing)).Fixed(command(append([]string{"sudo", "touch", "--"}, missing...)...))
}

// isAre names one or more things as the subject of a sentence.
func isAre(names []string) string {
	verb := "is"
	if len(names) > 1 {
		verb = "are"
	}
	return strings.Join(names, " and ") + " " + verb
}

// subidLines: up to 27 a line without three fields is refused whoever's it is;
// from 28 on what is no number is read as 0, which for a start is host root.
func subidLines(in *Input) Result {
	subuid, subgid, err := ranges.Files(in.Facts)
	if err != nil {
		return unread("the content of /etc/subuid and /etc/subgid", err)
	}
	old := in.versionKnown && !in.version.AtLeast(28)
	fatal, total := 0, 0
	r := Result{}
	for _, f := range []idmap.File{subuid, subgid} {
		lines, err := idmap.Parse(f)
		if err != nil {
			return fail("%v", err)
		}
		for _, l := range lines {
			if l.Problem == "" {
				continue
			}
			total++
			note := fmt.Sprintf("%s: %s", l.Raw, l.Problem)
			mine := l.For(in.remap.Account.Name, in.remap.Account.UID)
			if mine && !old {
				note += "; Docker 28 and later reads a number that it cannot parse as 0, which is the host's root"
			}
			if mine || old && strings.Count(l.Raw, ":") != 2 {
				fatal++
			}
			if total <= maxDetails {
				r = r.With(Detail{Name: fmt.Sprintf("%s, line %d", f.Path, l.Number), Note: note})
			}
		}
	}
	switch {
	case fatal > 0:
		r.Status, r.Message = Error, fmt.Sprintf("%s malformed, %d of which can keep the engine from starting correctly; correct them", report.Counted(total, "line is", "lines are"), fatal)
	case total > 0:
		r.Status, r.Message = Warning, fmt.Sprintf("%s malformed, but not of the account that this engine uses; Docker 20.10 to 27 may refuse them", report.Counted(total, "line is", "lines are"))
	default:
		return pass("both files")
	}
	return r
}

func subidSource(in *Input) Result {
	source := in.Accounts.Value.SubIDSource
	switch {
	case in.Accounts.Err != nil:
		return unread("where subordinate IDs come from", in.Accounts.Err)
	case source == "" || source == "files":
		return pass("nsswitch.conf names no other source")
	}
	return warn("nsswitch.conf takes subordinate IDs from %q, but dockerd reads only /etc/subuid and /etc/subgid, so its ranges may overlap those of %[1]q", source)
}

func subidAccount(in *Input) Result {
	a := in.remap.Account
	switch {
	case in.Accounts.Err != nil:
		return unread("the account", in.Accounts.Err)
	case in.remap.AccountRefusal != nil:
		return fail("dockerd does not start with userns-remap %q (%s): %v", in.remap.Value, in.remap.Origin, in.remap.AccountRefusal)
	case a.UID == 0:
		return fail("the account is root, which cannot be remapped to itself: dockerd would run without remap, with the data root 0.0")
	case !a.Exists() && in.wanted():
		return fail("the account %s does not exist", a.Name).Fixed(accountFix(a))
	case !a.Exists():
		return pass("%s does not exist yet; create it with: %s", a.Name, accountFix(a))
	}
	if _, err := ranges.Resolve(in.Accounts.Value, a.Name); err != nil && in.remap.Value == "" {
		return fail("dockerd would refuse the account %s: %v", a.Name, err).Fixed(command("sudo", "groupadd", "--system", a.Name))
	}
	return pass("%s (UID %d)", a.Name, a.UID)
}

// accountFix makes an account without a range: useradd gives system users none.
func accountFix(a ranges.Account) string {
	return command("sudo", "useradd", "--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin", a.Name)
}

func subidKeys(in *Input) Result {
	lines := in.remap.Lines
	if in.remap.LinesErr != nil {
		return unread("the account's lines", in.remap.LinesErr)
	}
	for _, f := range []struct {
		path  string
		lines []idmap.Line
	}{{"/etc/subuid", lines.UID}, {"/etc/subgid", lines.GID}} {
		named := func(l idmap.Line) bool { return l.Owner == in.remap.Account.Name }
		numbered := func(l idmap.Line) bool { return !named(l) }
		if slices.ContainsFunc(f.lines, named) && slices.ContainsFunc(f.lines, numbered) {
			return warn("%s has lines for %s and for its UID %d: Docker 20.10 to 27 uses only those of the UID, Docker 28 and later all of them, so an upgrade changes the map", f.path, in.remap.Account.Name, in.remap.Account.UID)
		}
	}
	return pass("they do")
}

func subidMap(in *Input) Result {
	m, refusal := in.remap.Map, in.remap.MapRefusal
	switch {
	case in.remap.MapErr != nil:
		return unread("the ID map", in.remap.MapErr)
	case refusal != nil && in.wanted():
		return fail("the engine would not start: %v", refusal).Fixed(rangeFix(in)...)
	case refusal != nil:
		return pass("%s has no ranges yet%s", in.remap.Account.Name, toGive(in))
	case m.Suffix() == "-1.-1":
		return fail("the first range of %s is empty, so its root has no host ID and the engine would not start", in.remap.Account.Name)
	case m.UID.Root() == 0 || m.GID.Root() == 0:
		return fail("root in containers would be root on the host: the map is %s", m)
	case m.Err() != nil:
		return fail("containers would not start, or would run with wrong IDs, even as root of the host: the map of %s is %v", in.remap.Account.Name, m.Err())
	case in.on() && m.Suffix() != path.Base(in.Engine.Value.DataRoot):
		return fail("the ranges were changed since the engine started: after a restart the data root would be %s instead of %s, without the present containers and images", m.Suffix(), path.Base(in.Engine.Value.DataRoot))
	}
	if other, differs := in.byOlder(m); differs {
		return unsure("the map depends on the engine's version, which is unknown: %s from Docker 28 on, %s before", m, other)
	}
	return pass("container ID 0 is UID %d and GID %d of the host, the map is %s", m.UID.Root(), m.GID.Root(), m)
}

// byOlder says what engines before 28 make of the same files, if that is
// something else than m and the engine may be one.
func (in *Input) byOlder(m idmap.Map) (outcome string, differs bool) {
	if in.versionKnown {
		return "", false
	}
	subuid, subgid, err := ranges.Files(in.Facts)
	if err != nil {
		return "", false // in.remap says so
	}
	older, refusal := idmap.Load(idmap.Engine20, subuid, subgid, in.remap.Account.Name, in.remap.Account.UID)
	if refusal != nil {
		return "no start (" + refusal.Error() + ")", true
	}
	return older.String(), older.String() != m.String()
}

// rangeFix gives the account a range with usermod: the one that a remapped
// engine has its data root of, else a free one.
func rangeFix(in *Input) []string {
	uid, gid, ok := dockerd.RootIDs(in.Engine.Value.DataRoot)
	uids, gids := idmap.Range{Start: uid, Size: idmap.Default}, idmap.Range{Start: gid, Size: idmap.Default}
	if ok && uids.Err() == nil && gids.Err() == nil && in.on() && in.remap.Account.Exists() {
		return []string{command("sudo", "usermod", "--add-subuids", uids.String(), "--add-subgids", gids.String(), in.remap.Account.Name)}
	}
	return moreFix(in)
}

// moreFix adds a free range to those that the account has.
func moreFix(in *Input) []string {
	free, err := ranges.Choose(in.Facts, in.remap.Account, idmap.Default)
	if err != nil || !in.remap.Account.Exists() {
		return nil
	}
	return []string{usermod(free, in.remap.Account)}
}

// toGive says how an account comes to a range, where one is free.
func toGive(in *Input) string {
	free, err := ranges.Choose(in.Facts, in.remap.Account, idmap.Default)
	if err != nil {
		return ""
	}
	return "; add one with: " + usermod(free, in.remap.Account)
}

func usermod(free idmap.Range, a ranges.Account) string {
	return command("sudo", "usermod", "--add-subuids", free.String(), "--add-subgids", free.String(), a.Name)
}

// judged gives the map that exists: nothing where a range is still to be chosen.
func judged(in *Input) (idmap.Map, Result, bool) {
	m := in.remap.Map
	switch {
	case in.remap.MapErr != nil:
		return m, unread("the ranges of "+in.remap.Account.Name, in.remap.MapErr), false
	case in.remap.MapRefusal != nil:
		return m, skip("%s has no ranges yet; see subid-free", in.remap.Account.Name), false
	}
	return m, Result{}, true
}

func subidSize(in *Input) Result {
	m, r, ok := judged(in)
	if !ok {
		return r
	}
	uids, gids := m.UID.Size(), m.GID.Size()
	if uids < idmap.Default || gids < idmap.Default {
		return warn("the map has %d UIDs and %d GIDs: images with nobody (65534) or other high IDs are refused", uids, gids).Fixed(moreFix(in)...)
	}
	return pass("%d UIDs and %d GIDs", uids, gids)
}
