package render

import (
	"strings"
	"testing"

	"github.com/docker-userns/docker-userns/internal/audit"
	"github.com/docker-userns/docker-userns/internal/idmap"
	"gotest.tools/v3/assert"
	"gotest.tools/v3/golden"
)

// tableReports have every kind of finding, singular and plural, and names that
// must not reach a terminal as they are.
func tableReports() []audit.Report {
	const run = "RUN touch /f && chown 70000:0 /f && adduser -u 80000 x"
	const fix = "RUN touch /f && chown 10000:0 /f && adduser -u 10001 x"
	id := "sha256:" + strings.Repeat("ab", 32)
	return []audit.Report{
		{Image: "good:1", ID: id, Platform: "linux/amd64", Verdict: audit.Mappable, Startable: true, Required: audit.Required{UID: 1, GID: 1}},
		{
			Image: "app:1", ID: id, IDMap: idmap.Single(100000, 65536), Platform: "linux/amd64", Verdict: audit.Unmappable, Required: audit.Required{UID: 80001, GID: 1},
			Layers: []audit.Layer{
				{Instruction: "ADD rootfs.tar /", Base: true, Entries: 9, Unmapped: 12},
				{Instruction: run, Entries: 9, Unmapped: 2},
			},
			Findings: []audit.Finding{
				{Rule: audit.UnmappedOwner, Severity: audit.Error, UID: 70000, GID: 70001, Count: 12, Mixed: true, Paths: []string{"opt/\x1b[31mred\nline", "opt/b"}, LaterLayer: audit.Removed, Cause: audit.CauseBase, Fix: "ask its maintainers"},
				{Rule: audit.UnmappedOwner, Severity: audit.Error, Layer: 1, UID: 70000, Count: 1, Paths: []string{"f"}, LaterLayer: audit.Chowned, Cause: audit.CauseChown, Fix: fix},
				{Rule: audit.UnmappedOwner, Severity: audit.Error, Layer: 1, UID: 80000, Count: 1, Paths: []string{"home/x"}, Cause: audit.CauseUseradd, Fix: fix},
				{Rule: audit.RootAlias, Severity: audit.Warning, Layer: 1, UID: 100000, Count: 1, Paths: []string{"g"}, Cause: audit.CauseUnknown, Fix: "RUN true"},
				{Rule: audit.UnmappedUser, Severity: audit.Error, Layer: audit.NoLayer, UID: 80000, Count: 1, Cause: audit.CauseUser, Message: "USER x has the UID 80000, which is not mapped: no container can start as it", Fix: "set USER to another number"},
				{Rule: audit.UnmappedAccount, Severity: audit.Warning, Layer: 1, UID: 80000, Count: 2, Paths: []string{"etc/passwd:2 (x)", "etc/passwd:3 (y)"}, Cause: audit.CauseAccount, Fix: fix},
				{Rule: audit.UnmappedAccount, Severity: audit.Warning, Layer: 1, GID: 80000, Count: 1, Paths: []string{"etc/group:2 (x)"}, Cause: audit.CauseAccount, Fix: fix},
				{Rule: audit.Owner, Severity: audit.Note, Layer: 1, UID: 7, Count: 1, Paths: []string{"h"}, Cause: audit.CauseChown},
			},
		},
		{Image: id, ID: id, IDMap: idmap.Single(100000, 65536), Platform: "linux/arm64", Verdict: audit.Unmappable, Startable: true, Required: audit.Required{UID: -1, GID: 21}},
	}
}

func TestTable(t *testing.T) {
	for file, s := range map[string]Style{
		"table-tty":    {colour: true, utf8: true, width: 120},
		"table-narrow": {utf8: true, width: 60},
		"table-pipe":   {utf8: true},
		"table-ascii":  {width: 100},
	} {
		t.Run(file, func(t *testing.T) {
			var b strings.Builder
			a := auditTable{w: &b, style: s, AuditOptions: AuditOptions{Map: idmap.Single(100000, 65536), MapText: "docker's default"}}
			for _, r := range tableReports() {
				assert.NilError(t, a.Add(r))
			}
			assert.NilError(t, a.End(0))
			golden.Assert(t, b.String(), file+".golden")
			if !s.colour {
				assert.Assert(t, !strings.Contains(b.String(), "\x1b"))
			}
		})
	}
}

// Where an ID is looked for and nothing has it, the table says so.
func TestTableOfNothing(t *testing.T) {
	var b strings.Builder
	id := int64(5)
	a := auditTable{w: &b, AuditOptions: AuditOptions{Map: idmap.Single(100000, 65536), Asked: &audit.Asked{IDs: []int64{id}}}}
	assert.NilError(t, a.Add(tableReports()[0]))
	assert.NilError(t, a.End(0))
	assert.Assert(t, strings.Contains(b.String(), "- good:1: nothing in it belongs to 5\n"), b.String())
}
