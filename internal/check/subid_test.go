package check

import (
	"io/fs"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/idmap"
	"github.com/docker-userns/docker-userns/internal/survey"
)

// with gives the host the account with these lines in both files, next to
// alice's; the engine is of a version, and remap is off.
func with(version, lines string) func(*survey.Facts, *Options) {
	return func(f *survey.Facts, _ *Options) {
		f.Engine.Value.Version = version
		withAccount(f, lines)
	}
}

// onWith is the same with remap on.
func onWith(version, lines string) func(*survey.Facts, *Options) {
	return func(f *survey.Facts, o *Options) {
		*f = remapped()
		f.Engine.Value.Version = version
		f.SubUID.Value.Data, f.SubGID.Value.Data = []byte(lines), []byte(lines)
	}
}

func noFiles(f *survey.Facts, _ *Options) {
	f.SubUID, f.SubGID = survey.Read[survey.TextFile]{Err: fs.ErrNotExist}, survey.Read[survey.TextFile]{Err: fs.ErrNotExist}
}

func noSubUID(f *survey.Facts, _ *Options) {
	f.SubUID = survey.Read[survey.TextFile]{Err: fs.ErrPermission}
}

func noAccounts(f *survey.Facts, _ *Options) {
	withAccount(f, "dockremap:165536:65536\n")
	f.Accounts.Err = errTest
}

const good = "dockremap:165536:65536\n"

var subidCases = []testCase{
	{"subid-files", "both", asFound, OK, ""},
	{"subid-files", "none, off", noFiles, Warning, "/etc/subuid and /etc/subgid are missing"},
	{"subid-files", "none, on", func(f *survey.Facts, o *Options) { *f = remapped(); noFiles(f, o) }, Error, "does not start"},
	{"subid-files", "too large", func(f *survey.Facts, _ *Options) { f.SubUID.Value.Truncated = true }, Error, "larger than 4 MiB"},
	{"subid-files", "unread", noSubUID, Unknown, "sudo"},
	{"subid-lines", "sound", with("28.5.2", good), OK, ""},
	{"subid-lines", "another's, 28", with("28.5.2", good+"foo:bar\n"), Warning, "2 lines are malformed, but not of the account"},
	{"subid-lines", "another's without three fields, 26", with("26.1.5", good+"foo:bar\n"), Error, "2 lines are malformed, 2 of which"},
	{"subid-lines", "another's number, 26", with("26.1.5", good+"foo:bar:1\n"), Warning, ""},
	{"subid-lines", "the account's, 28", with("28.5.2", "dockremap:abc:65536\n"), Error, ""},
	{"subid-lines", "the account's, by UID, 20.10", with("20.10.24", "999:1:2 # x\n"), Error, ""},
	{"subid-lines", "unread", noSubUID, Unknown, ""},
	{"subid-source", "files", asFound, OK, ""},
	{"subid-source", "sss", func(f *survey.Facts, _ *Options) { f.Accounts.Value.SubIDSource = "sss" }, Warning, `"sss"`},
	{"subid-source", "unread", noAccounts, Unknown, ""},
	{"subid-account", "to be made", asFound, OK, "sudo useradd --system"},
	{"subid-account", "there", with("28.5.2", good), OK, "dockremap (UID 999)"},
	{"subid-account", "another by --user", func(_ *survey.Facts, o *Options) { o.User = "alice" }, OK, "alice (UID 1000)"},
	{"subid-account", "root by --user", func(_ *survey.Facts, o *Options) { o.User = "root" }, Error, "the account is root"},
	{"subid-account", "root by daemon.json", func(f *survey.Facts, _ *Options) { f.Config.Value.Data = []byte(`{"userns-remap": "0:0"}`) }, Error, "the account is root"},
	{"subid-account", "gone, on", func(f *survey.Facts, _ *Options) {
		*f = remapped()
		f.Accounts.Value.Users = nil
	}, Error, `Error during uid lookup for "dockremap": getent unable to find entry "dockremap" in passwd database`},
	{"subid-account", "gone, default", func(f *survey.Facts, _ *Options) {
		*f = remapped()
		f.Config.Value.Data = []byte(`{"userns-remap": "default"}`)
		f.Accounts.Value.Users = nil
	}, Error, "the account dockremap does not exist"},
	{"subid-account", "no group of its name", func(f *survey.Facts, _ *Options) {
		withAccount(f, good)
		f.Accounts.Value.Groups = nil
	}, Error, `Error during gid lookup for "dockremap"`},
	{"subid-account", "a flag", func(f *survey.Facts, _ *Options) {
		*f = remapped()
		f.Config.Value.Data = nil
		f.Start.Value.Args = []string{"--userns-remap=a:b:c"}
	}, Error, `userns-remap "a:b:c" (the flag --userns-remap=a:b:c)`},
	{"subid-account", "unread", noAccounts, Unknown, ""},
	{"subid-keys", "one", with("28.5.2", good+"dockremap:300000:1\n"), OK, ""},
	{"subid-keys", "both", with("28.5.2", good+"999:300000:1\n"), Warning, "has lines for dockremap and for its UID 999"},
	{"subid-keys", "unread", noSubUID, Unknown, ""},
	{"subid-map", "sound", with("28.5.2", good), OK, "container ID 0 is UID 165536 and GID 165536 of the host, the map is 0:165536:65536"},
	{"subid-map", "none yet", asFound, OK, "sudo usermod --add-subuids 165536-231071"},
	{"subid-map", "none, on", onWith("20.10.24", "alice:1:1\n"), Error, `Can't create ID mappings: no subuid ranges found for user "dockremap"`},
	{"subid-map", "none, on, 29.7", onWith("29.7.2", ""), Error, `error creating ID mappings: no subuid ranges found for user "dockremap"`},
	{"subid-map", "abc, 26", onWith("26.1.5", "dockremap:abc:65536\n"), Error, `strconv.Atoi: parsing "abc": invalid syntax`},
	{"subid-map", "abc, 28", with("28.5.2", "dockremap:abc:65536\n"), Error, "root in containers would be root on the host"},
	{"subid-map", "a count of 0", with("28.5.2", "dockremap:100000:0\n"), Error, "empty"},
	{"subid-map", "changed since the start", onWith("28.5.2", "dockremap:300000:65536\n"), Error, "after a restart the data root would be 300000.300000 instead of 165536.165536"},
	{"subid-map", "too many", with("28.5.2", strings.Repeat("dockremap:165536:1\n", 341)), Error, "of 341 ranges, more than the 340"},
	{"subid-map", "past 32 bits, where the kernel begins again at root", with("28.5.2", "dockremap:4294967296:65536\n"), Error, "reaches past 4294967294"},
	{"subid-map", "past 32 bits, 26", onWith("26.1.5", "dockremap:4294967296:65536\n"), Error, "reaches past 4294967294"},
	{"subid-map", "past 32 bits in the middle", with("28.5.2", good+"dockremap:4294967000:65536\n"), Error, "reaches past 4294967294"},
	{"subid-map", "the last IDs", with("28.5.2", "dockremap:4294901759:65536\n"), OK, ""},
	{"subid-map", "another's line without three fields, version unknown", with("", good+"foo:bar\n"), Unknown, "0:165536:65536 from Docker 28 on, no start"},
	{"subid-map", "name before UID, version unknown", with("", good+"999:400000:65536\n"), Unknown, "65536:400000:65536 from Docker 28 on, 0:400000:65536 before"},
	{"subid-map", "sound, version unknown", with("", good), OK, ""},
	{"subid-map", "unread", noSubUID, Unknown, ""},
	{"subid-size", "65536", with("28.5.2", good), OK, ""},
	{"subid-size", "in two", with("28.5.2", "dockremap:165536:65535\ndockremap:400000:1\n"), OK, ""},
	{"subid-size", "1000", with("28.5.2", "dockremap:165536:1000\n"), Warning, "1000 UIDs and 1000 GIDs"},
	{"subid-size", "none yet", asFound, Skipped, "subid-free"},
	{"subid-size", "unread", noSubUID, Unknown, ""},
	{"subid-overlap", "nobody's", with("28.5.2", good), OK, ""},
	{"subid-overlap", "alice's", with("28.5.2", "dockremap:165535:65536\n"), Error, "act as each other"},
	{"subid-overlap", "its own", with("28.5.2", good+good), Error, "overlap each other at 165536-231071"},
	{"subid-overlap", "alice's, on", onWith("28.5.2", "dockremap:165536:65536\nalice:165536:1\n"), Error, "turn remap off"},
	{"subid-overlap", "unread", noSubUID, Unknown, ""},
	{"subid-accounts", "none", with("28.5.2", good), OK, "none of 3 users and 3 groups"},
	{"subid-accounts", "a user", func(f *survey.Facts, _ *Options) {
		withAccount(f, good)
		f.Accounts.Value.Users[1].ID = 165536
	}, Error, "accounts of the host have IDs in the ranges of dockremap"},
	{"subid-accounts", "a group", func(f *survey.Facts, _ *Options) {
		withAccount(f, good)
		f.Accounts.Value.Groups[1].ID = 231071
	}, Error, ""},
	{"subid-accounts", "not all listed", func(f *survey.Facts, _ *Options) {
		withAccount(f, good)
		f.Accounts.Value.Incomplete = true
	}, Unknown, "getent passwd"},
	{"subid-accounts", "unread", noAccounts, Unknown, ""},
	{"subid-reserved", "clear", with("28.5.2", good), OK, ""},
	{"subid-reserved", "accounts", with("28.5.2", "dockremap:1000:65536\n"), Error, ""},
	{"subid-reserved", "high", with("28.5.2", "dockremap:2147483648:65536\n"), Error, ""},
	{"subid-reserved", "nspawn", with("28.5.2", "dockremap:600000:65536\n"), Warning, "nspawn"},
	{"subid-reserved", "nspawn, by the distribution", func(f *survey.Facts, _ *Options) {
		withAccount(f, "dockremap:600000:65536\n")
		f.Accounts.Value.LoginDefs.Data = []byte("SUB_UID_MIN 524288\n")
	}, OK, "login.defs"},
	{"subid-reserved", "unread", noSubUID, Unknown, ""},
	{"subid-live", "none", with("28.5.2", good), OK, ""},
	{"subid-live", "somebody's", func(f *survey.Facts, _ *Options) {
		withAccount(f, good)
		f.Maps.Value = []survey.LiveMap{{PIDs: []int{77}, Map: idmap.Single(165536, 65536)}}
	}, Error, ""},
	{"subid-live", "the engine's own", func(f *survey.Facts, _ *Options) {
		*f = remapped()
		f.Maps.Value = []survey.LiveMap{{PIDs: []int{77}, Map: idmap.Single(165536, 65536)}}
	}, OK, ""},
	{"subid-live", "unread", func(f *survey.Facts, _ *Options) { withAccount(f, good); f.Maps.Err = errTest }, Unknown, ""},
	{"subid-free", "the first after alice's", asFound, OK, "165536-231071"},
	{"subid-free", "not needed", with("28.5.2", good), Skipped, ""},
	{"subid-free", "only systemd's", func(f *survey.Facts, _ *Options) {
		f.SubUID.Value.Data = []byte("a:100000:424288\nb:1879048192:268304384\n")
	}, Warning, "systemd-nspawn"},
	{"subid-free", "all taken", func(f *survey.Facts, _ *Options) { f.SubUID.Value.Data = []byte("a:1:4294967293\n") }, Error, "no free range"},
	{"subid-free", "unread", noSubUID, Unknown, ""},
	{"subid-free", "accounts unread", func(f *survey.Facts, _ *Options) { f.Accounts.Err = errTest }, Unknown, ""},
}

// The commands move the account to a range that is free.
func TestOverlapFix(t *testing.T) {
	f := sound()
	withAccount(&f, "dockremap:100000:65536\n")
	for _, r := range Run(f, Options{Only: []string{"subid-overlap"}}) {
		assert.DeepEqual(t, r.Fix, []string{"sudo usermod --del-subuids 100000-165535 --del-subgids 100000-165535 --add-subuids 165536-231071 --add-subgids 165536-231071 dockremap"})
		assert.DeepEqual(t, r.Details, []Detail{
			{Name: "UID 100000-165535", Note: "subordinate UIDs of alice (/etc/subuid, line 1)"},
			{Name: "GID 100000-165535", Note: "subordinate GIDs of alice (/etc/subgid, line 1)"},
		})
	}
}

func TestLineDetails(t *testing.T) {
	f := sound()
	withAccount(&f, "\n# x\ndockremap:abc:65536\n")
	in := NewInput(f, Options{})
	r := subidLines(in)
	assert.DeepEqual(t, r.Details[0], Detail{Name: "/etc/subuid, line 4", Note: `dockremap:abc:65536: its start "abc" is not a number; Docker 28 and later reads a number that it cannot parse as 0, which is the host's root`})
}

// A remapped engine whose ranges were removed gets those back that its data
// root is named after.
func TestRangeFix(t *testing.T) {
	r := one(t, "subid-map", onWith("28.5.2", "alice:300000:65536\n"))
	assert.DeepEqual(t, r.Fix, []string{"sudo usermod --add-subuids 165536-231071 --add-subgids 165536-231071 dockremap"})
	r = one(t, "subid-size", with("28.5.2", "dockremap:165536:10\n"))
	assert.DeepEqual(t, r.Fix, []string{"sudo usermod --add-subuids 231072-296607 --add-subgids 231072-296607 dockremap"})
}

// If remap is on, no command is printed that moves a range.
func TestNoMoveWhereOn(t *testing.T) {
	r := one(t, "subid-overlap", onWith("28.5.2", "dockremap:165536:65536\nalice:165536:1\n"))
	assert.Equal(t, r.Status, Error)
	assert.Equal(t, len(r.Fix), 0)
}

// Map is the one of the account's ranges, otherwise the one that would be chosen.
func TestMap(t *testing.T) {
	f := sound()
	m, err := NewInput(f, Options{}).Map()
	assert.NilError(t, err)
	assert.DeepEqual(t, m, idmap.Single(165536, 65536))
	withAccount(&f, "dockremap:300000:10\n")
	m, err = NewInput(f, Options{}).Map()
	assert.NilError(t, err)
	assert.DeepEqual(t, m, idmap.Single(300000, 10))
	f = remapped()
	f.SubGID.Value.Data = nil
	_, err = NewInput(f, Options{}).Map()
	assert.ErrorIs(t, err, errNoMap)
}
