package host

import "testing"

// BenchmarkLines reads what verify asks of every thread and process of this
// machine, as often as there are.
func BenchmarkLines(b *testing.B) {
	q := Questions{Lines: []Lines{
		{Name: "status", Globs: []string{"/proc/[0-9]*/task/[0-9]*/status"}, Prefixes: []string{"Name:", "PPid:", "Uid:", "Gid:", "Groups:"}},
		{Name: "cgroup", Globs: []string{"/proc/[0-9]*/cgroup"}, Prefixes: []string{"0::", "1:", "2:"}},
		{Name: "uid_map", Globs: []string{"/proc/[0-9]*/uid_map"}},
		{Name: "gid_map", Globs: []string{"/proc/[0-9]*/gid_map"}},
	}}
	for b.Loop() {
		a, err := Local().Look(b.Context(), q)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(len(a.Lines["cgroup"].Files)), "processes")
	}
}
