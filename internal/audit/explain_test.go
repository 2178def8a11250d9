package audit

import (
	"testing"

	"gotest.tools/v3/assert"
)

// The messages as engines and runc were seen to write them.
func TestExplain(t *testing.T) {
	tests := []struct {
		text  string
		kind  Kind
		id    int64
		hasID bool
	}{
		{"failed to register layer: Error processing tar file(exit status 1): Container ID 1000000 cannot be mapped to a host ID", KindLayer, 1000000, true},
		{"ApplyLayer exit status 1 stdout:  stderr: Container ID 70000 cannot be mapped to a host ID", KindLayer, 70000, true},
		{"docker: failed to register layer: container ID -1 cannot be mapped to a host ID.\nSee 'docker run --help'.", KindLayer, -1, true},
		{"mount callback failed on /tmp/containerd-mount1: container ID 4294967296 cannot be mapped to a host ID", KindLayer, 4294967296, true},
		{"unable to convert uid/gid chown string to host mapping: unable to convert uid/gid to host mapping: Container ID 70000 cannot be mapped to a host ID", KindLayer, 70000, true},
		{`process "/bin/sh -c id" did not complete successfully: container ID 70000 cannot be mapped to a host ID`, KindLayer, 70000, true},
		{"Can't add file /x/diff/f to tar: Host ID 70000 cannot be mapped to a container ID", KindHost, 70000, true},
		{"OCI runtime create failed: … setup user: cannot set uid to unmapped user in user namespace: unknown", KindUser, 0, false},
		{"unable to setup user: cannot set gid to unmapped user in user namespace", KindGroup, 0, false},
		{"cannot setuid to unmapped uid 70000 in user namespace", KindUser, 70000, true},
		{"cannot setgid to unmapped gid 70001 in user namespace", KindGroup, 70001, true},
		{"unable to setup user: setgroups: invalid argument", KindGroup, 0, false},
		{`failed to Lchown "/usr/x" for UID 1000000, GID 5 (try increasing the number of subordinate IDs in /etc/subuid and /etc/subgid): lchown /usr/x: invalid argument`, KindRootless, 1000000, true},
		{"\x1b[31mfailed to register layer: Container ID \x1b[1m1000000\x1b[0m cannot be mapped to a host ID\x1b[0m", KindLayer, 1000000, true},
		{`{"stream":"\u001b[31mcontainer ID 1000000\u001b[0m cannot be mapped to a host ID"}`, KindLayer, 1000000, true},
		{"Container ID 1000000 cannot be\n  mapped to a host\r\nID", KindLayer, 1000000, true},
		{"cannot set uid to unmapped user in user namespace\ncontainer ID 5 cannot be mapped to a host ID", KindLayer, 5, true},
		{"container ID 99999999999999999999 cannot be mapped to a host ID", KindLayer, 0, false},
	}
	for _, tc := range tests {
		got, ok := Explain(tc.text)
		got.GID, got.HasGID, got.Path = 0, false, ""
		assert.Assert(t, ok, "%q", tc.text)
		assert.Equal(t, got, Explained{Kind: tc.kind, ID: tc.id, HasID: tc.hasID}, "%q", tc.text)
	}
	for _, text := range []string{"", "no space left on device", "container ID abc cannot be mapped to a host ID", "set uid", "chown /x: permission denied", "1000000 files"} {
		_, ok := Explain(text)
		assert.Assert(t, !ok, "%q", text)
	}
}

func TestExplainAll(t *testing.T) {
	got := ExplainAll("a: container ID 7 cannot be mapped to a host ID\nb: Host ID 8 cannot be mapped to a container ID\na: container ID 7 cannot be mapped to a host ID\n")
	assert.DeepEqual(t, got, []Explained{{Kind: KindLayer, ID: 7, HasID: true}, {Kind: KindHost, ID: 8, HasID: true}})
}

// What is looked for: both numbers unless one is in every map, and the path.
func TestAskedBy(t *testing.T) {
	tests := []struct {
		text  string
		ids   []int64
		paths []string
	}{
		{`failed to register layer: failed to Lchown "/usr/x" for UID 0, GID 70000 (try increasing the number of subordinate IDs in /etc/subuid and /etc/subgid): lchown /usr/x: invalid argument`, []int64{70000}, []string{"usr/x"}},
		{`level=error msg="failed to Lchown \"/usr/x\" for UID 70000, GID 70001 (try increasing"`, []int64{70000, 70001}, []string{"usr/x"}},
		{"failed to register layer: lchown /usr/local/bin/docker-credential-gcr: invalid argument", nil, []string{"usr/local/bin/docker-credential-gcr"}},
		{"potentially insufficient UIDs or GIDs available in user namespace (requested 70000:42 for /etc/gshadow): Check /etc/subuid and /etc/subgid if configured locally and run \"podman system migrate\": lchown /etc/gshadow: invalid argument", []int64{70000, 42}, []string{"etc/gshadow"}},
		{"ApplyLayer exit status 1 stdout: stderr: there might not be enough IDs available in the namespace (requested 0:42 for /etc/gshadow): lchown /etc/gshadow: invalid argument", []int64{42}, []string{"etc/gshadow"}},
		{"there might not be enough IDs available in the namespace", nil, nil},
		{"tar: opt/a b: Cannot change ownership to uid 70000, gid 70001: Invalid argument", []int64{70000, 70001}, []string{"opt/a b"}},
		{"Error: crun: setresuid(70000): Invalid argument: OCI runtime error", []int64{70000}, nil},
		{"crun: setgid (70001): Invalid argument", []int64{70001}, nil},
		{"70000", []int64{70000}, nil},
		{" 0\n", []int64{0}, nil},
		{"/opt/x", nil, []string{"opt/x"}},
		{"Nov 25 host dockerd[1]: x\nNov 25 host dockerd[1]: container ID 7 cannot be mapped to a host ID\ncontainer ID 8 cannot be mapped to a host ID\n", []int64{7, 8}, nil},
	}
	for _, tc := range tests {
		all := ExplainAll(tc.text)
		assert.Assert(t, len(all) > 0, tc.text)
		got := AskedBy(all)
		if got == nil {
			got = &Asked{}
		}
		assert.DeepEqual(t, got, &Asked{IDs: tc.ids, Paths: tc.paths})
	}
}

// A file is found by its path, whatever its owner; others are left out.
func TestAskedPath(t *testing.T) {
	a := New(Options{Map: usual, Paths: 10, Asked: &Asked{Paths: []string{"opt/b"}}})
	r := a.Report(made(a, t, [][]entry{{{name: "opt/a", uid: 1000}, {name: "./opt/b", uid: 1000}, {name: "opt/c", uid: 70000}}}))
	assert.Equal(t, r.Verdict, Unmappable)
	assert.Equal(t, len(r.Findings), 1)
	assert.DeepEqual(t, r.Findings[0].Paths, []string{"opt/b"})
}

func FuzzExplain(f *testing.F) {
	f.Add("container ID 7 cannot be mapped to a host ID")
	f.Add("\x1b]8;;x\x1b\\cannot setuid to unmapped uid 70000 in user namespace")
	f.Add("failed to Lchown \"\" for UID 1, GID 2")
	f.Fuzz(func(t *testing.T, text string) {
		_, ok := Explain(text)
		assert.Equal(t, ok, len(ExplainAll(text)) > 0)
		// Whatever stands before it, a message on a line of its own is found.
		got := ExplainAll(text + "\ncontainer ID 424242 cannot be mapped to a host ID")
		assert.Assert(t, len(got) > 0)
	})
}
