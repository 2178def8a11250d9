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
)

var subidChecks = []Check{
	{Question: Question{ID: "subid-files", Category: catSubID, Title: "/etc/subuid and /etc/subgid are there"}, Needs: []string{"host-reachable"}, Run: subidFiles},
	{Question: Question{ID: "subid-lines", Category: catSubID, Title: "Every line of both files is well-formed"}, Needs: []string{"subid-files"}, Run: subidLines},
	{Question: Question{ID: "subid-source", Category: catSubID, Title: "Ranges come from the files, which is where dockerd looks"}, Needs: []string{"host-reachable"}, Run: subidSource},
	{Question: Question{ID: "subid-account", Category: catSubID, Title: "The account that has the ranges is sound"}, Needs: []string{"host-reachable"}, Run: subidAccount},
	{Question: Question{ID: "subid-keys", Category: catSubID, Title: "The account's lines are all under its name, or all under its UID"}, Needs: []string{"subid-files"}, Run: subidKeys},
	{Question: Question{ID: "subid-map", Category: catSubID, Title: "The engine can make an ID map of the account's ranges"}, Needs: []string{"subid-files", "subid-account"}, Run: subidMap},
	{Question: Question{ID: "subid-size", Category: catSubID, Title: "The map has 65536 UIDs and GIDs or more"}, Needs: []string{"subid-files", "subid-account", "subid-map"}, Run: subidSize},
	{Question: Question{ID: "subid-overlap", Category: catSubID, Title: "The ranges overlap no other owner's, nor each other"}, Needs: []string{"subid-files", "subid-map"}, Run: subidOverlap},
	{Question: Question{ID: "subid-accounts", Category: catSubID, Title: "No account of the host has an ID in the ranges"}, Needs: []string{"host-reachable", "subid-files", "subid-map"}, Run: subidAccounts},
	{Question: Question{ID: "subid-reserved", Category: catSubID, Title: "The ranges keep clear of IDs that systemd and the kernel have other uses for"}, Needs: []string{"subid-files", "subid-map"}, Run: subidReserved},
	{Question: Question{ID: "subid-live", Category: catSubID, Title: "No process of others runs under IDs of the ranges"}, Needs: []string{"host-reachable", "subid-files", "subid-map"}, Run: subidLive},
	{Question: Question{ID: "subid-free", Category: catSubID, Title: "A free range of 65536 IDs is there to be taken"}, Needs: []string{"host-reachable", "subid-files"}, Run: subidFree},
}

func subidFiles(in *Input) Result {
	subuid, subgid, err := ranges.Files(in.Facts)
	if err != nil {
		if errors.Is(err, ranges.ErrTruncated) {
			return fail("%v", err)
		}
		return unread("what the files hold", err)
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
		return fail("missing: %s; the engine does not start without it", strings.Join(missing, ", ")).Fixed(command(append([]string{"sudo", "touch", "--"}, missing...)...))
	}
	return warn("missing: %s; useradd gives no ranges without it", strings.Join(missing, ", ")).Fixed(command(append([]string{"sudo", "touch", "--"}, missing...)...))
}

// subidLines: up to 27 a line without three fields is refused whoever's it is;
// from 28 on what is no number is read as 0, which for a start is host root.
func subidLines(in *Input) Result {
	subuid, subgid, err := ranges.Files(in.Facts)
	if err != nil {
		return unread("what the files hold", err)
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
				note += "; Docker 28 and later reads what is no number as 0, and 0 is the host's root"
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
		r.Status, r.Message = Error, fmt.Sprintf("malformed: %d, of which %d keep the engine from starting soundly; mend them", total, fatal)
	case total > 0:
		r.Status, r.Message = Warning, fmt.Sprintf("malformed: %d, of owners that this engine does not read them for; Docker 20.10 to 27 may refuse them", total)
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
	return warn("nsswitch.conf takes subordinate IDs from %q; dockerd reads /etc/subuid and /etc/subgid only, and what others have there cannot be seen, so that ranges may overlap", source)
}

func subidAccount(in *Input) Result {
	a := in.remap.Account
	switch {
	case in.Accounts.Err != nil:
		return unread("the account", in.Accounts.Err)
	case in.remap.AccountRefusal != nil:
		return fail("dockerd does not start with userns-remap %q (%s): %v", in.remap.Value, in.remap.Origin, in.remap.AccountRefusal)
	case a.UID == 0:
		return fail("the account is root, and root cannot be remapped to itself: dockerd then runs without remap, with the data root 0.0")
	case !a.Exists() && in.wanted():
		return fail("there is no account %s", a.Name).Fixed(accountFix(a))
	case !a.Exists():
		return pass("%s does not exist yet; to create it: %s", a.Name, accountFix(a))
	}
	if _, err := ranges.Resolve(in.Accounts.Value, a.Name); err != nil && in.remap.Value == "" {
		return fail("dockerd would not take %s: %v", a.Name, err).Fixed(command("sudo", "groupadd", "--system", a.Name))
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
			return warn("%s has lines for %s and for %d: Docker 20.10 to 27 takes those of the UID only, Docker 28 and later all of them, so that an upgrade changes the map", f.path, in.remap.Account.Name, in.remap.Account.UID)
		}
	}
	return pass("under one key")
}

func subidMap(in *Input) Result {
	m, refusal := in.remap.Map, in.remap.MapRefusal
	switch {
	case in.remap.MapErr != nil:
		return unread("the ID map", in.remap.MapErr)
	case refusal != nil && in.wanted():
		return fail("the engine does not start: %v", refusal).Fixed(rangeFix(in)...)
	case refusal != nil:
		return pass("%s has no ranges yet%s", in.remap.Account.Name, toGive(in))
	case m.Suffix() == "-1.-1":
		return fail("the first range of %s is empty, so its root has no host ID and the engine does not start", in.remap.Account.Name)
	case m.UID.Root() == 0 || m.GID.Root() == 0:
		return fail("container root would be host root: the map is %s", m)
	case m.Err() != nil:
		return fail("no container could start, or it would run under other IDs, even as the host's root: the map of %s is %v", in.remap.Account.Name, m.Err())
	case in.on() && m.Suffix() != path.Base(in.Engine.Value.DataRoot):
		return fail("the ranges were changed since the engine started: it would come up with the data root %s instead of %s, without its containers and images", m.Suffix(), path.Base(in.Engine.Value.DataRoot))
	}
	if other, differs := in.byOlder(m); differs {
		return unsure("Docker 28 and later makes the map %s, Docker 20.10 to 27 %s; the engine's version is not known", m, other)
	}
	return pass("container ID 0 is UID %d and GID %d of the host, the map is %s", m.UID.Root(), m.GID.Root(), m)
}

// byOlder says what engines before 28 make of the same files, where that is
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
		return "does not start: " + refusal.Error(), true
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
	return "; what gives it one is: " + usermod(free, in.remap.Account)
}

func usermod(free idmap.Range, a ranges.Account) string {
	return command("sudo", "usermod", "--add-subuids", free.String(), "--add-subgids", free.String(), a.Name)
}

// judged gives the map that exists: nothing where a range is still to be chosen.
func judged(in *Input) (idmap.Map, Result, bool) {
	m := in.remap.Map
	switch {
	case in.remap.MapErr != nil:
		return m, unread("the ranges", in.remap.MapErr), false
	case in.remap.MapRefusal != nil:
		return m, skip("%s has no ranges yet; of the one that subid-free names this holds", in.remap.Account.Name), false
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
		return warn("%d UIDs and %d GIDs: images with nobody (65534) or other high IDs are refused", uids, gids).Fixed(moreFix(in)...)
	}
	return pass("%d UIDs and %d GIDs", uids, gids)
}
