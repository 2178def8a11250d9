package monitoring

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
	"go.yaml.in/yaml/v3"
	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/render"
	"github.com/docker-userns/docker-userns/internal/report"
	"github.com/docker-userns/docker-userns/internal/survey"
	"github.com/docker-userns/docker-userns/internal/verify"
)

// written are the metrics that verify writes if these questions have other results than
// the rest, which pass. It looked at the time 0, which is when promtool's tests begin.
func written(t *testing.T, except map[string]report.Result) string {
	t.Helper()
	var results []report.Result
	for _, q := range verify.All() {
		r, other := except[q.ID]
		if !other {
			r = report.Pass("fine")
		}
		results = append(results, q.Answer(r))
	}
	var b strings.Builder
	assert.NilError(t, render.Metrics(&b, "verify", report.New(survey.Facts{Context: "default"}, results), time.Unix(0, 0)))
	return b.String()
}

// A scenario is one test of promtool, with series that a Prometheus would have.
type scenario struct {
	Interval string         `yaml:"interval"`
	Series   []inputSeries  `yaml:"input_series"`
	Exprs    []exprTest     `yaml:"promql_expr_test,omitempty"`
	Alerts   []alertingTest `yaml:"alert_rule_test,omitempty"`
}

type inputSeries struct {
	Series string `yaml:"series"`
	Values string `yaml:"values"`
}

type exprTest struct {
	Expr    string   `yaml:"expr"`
	At      string   `yaml:"eval_time"`
	Samples []sample `yaml:"exp_samples"`
}

type sample struct {
	Labels string  `yaml:"labels"`
	Value  float64 `yaml:"value"`
}

type alertingTest struct {
	At     string          `yaml:"eval_time"`
	Alert  string          `yaml:"alertname"`
	Alerts []expectedAlert `yaml:"exp_alerts"`
}

type expectedAlert struct {
	Labels      map[string]string `yaml:"exp_labels"`
	Annotations map[string]string `yaml:"exp_annotations"`
}

// scraped are the metrics as the Prometheus of node_exporter's job has them. times is how
// often they are scraped, a minute apart, before they are gone.
func scraped(t *testing.T, text string, times int, up string) scenario {
	t.Helper()
	var p expfmt.TextParser
	families, err := p.TextToMetricFamilies(strings.NewReader(text))
	assert.NilError(t, err)
	s := scenario{Interval: "1m", Series: []inputSeries{{`up{job="node", instance="db1:9100"}`, up + "+0x180"}}}
	for name, family := range families {
		for _, m := range family.Metric {
			labels := `job="node", instance="db1:9100"`
			for _, l := range m.Label {
				labels += fmt.Sprintf(", %s=%q", l.GetName(), l.GetValue())
			}
			s.Series = append(s.Series, inputSeries{name + "{" + labels + "}", fmt.Sprintf("%g+0x%d stale", m.Gauge.GetValue(), times)})
		}
	}
	return s
}

// fires adds what is to fire at a time, each as NAME or NAME/ID.
func (s scenario) fires(at string, alerts ...string) scenario {
	e := exprTest{Expr: `count by (alertname, id) (ALERTS{alertstate="firing"})`, At: at, Samples: []sample{}}
	for _, alert := range alerts {
		name, id, _ := strings.Cut(alert, "/")
		labels := fmt.Sprintf("{alertname=%q, id=%q}", name, id)
		e.Samples = append(e.Samples, sample{strings.ReplaceAll(labels, `, id=""`, ""), 1})
	}
	s.Exprs = append(s.Exprs, e)
	return s
}

// promtool calls promtool, and gives what it says.
func promtool(t *testing.T, stdin string, args ...string) (string, error) {
	t.Helper()
	if _, err := exec.LookPath("promtool"); err != nil {
		t.Skip("needs promtool (Debian's package prometheus)")
	}
	cmd := exec.Command("promtool", args...)
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// tested has promtool run scenarios with the rules of a file.
func tested(t *testing.T, rules string, scenarios ...scenario) (string, error) {
	t.Helper()
	text, err := yaml.Marshal(map[string]any{"rule_files": []string{rules}, "evaluation_interval": "1m", "tests": scenarios})
	assert.NilError(t, err)
	path := filepath.Join(t.TempDir(), "tests.yml")
	assert.NilError(t, os.WriteFile(path, text, 0o600))
	return promtool(t, "", "test", "rules", path)
}

func passes(t *testing.T, scenarios ...scenario) {
	t.Helper()
	rules, err := filepath.Abs("alerts.yml")
	assert.NilError(t, err)
	said, err := tested(t, rules, scenarios...)
	assert.NilError(t, err, said)
}

var (
	fail   = report.Fail("it does not")
	unsure = report.Unsure("who knows")
)

// These mean that remap is not in force, or that a process is outside of the map.
var grave = []string{"daemon-remapped", "data-root", "map-in-force", "left-processes", "host-root", "processes"}

func TestRulesAreWellFormed(t *testing.T) {
	said, err := promtool(t, "", "check", "rules", "--lint-fatal", "alerts.yml")
	assert.NilError(t, err, said)
	assert.Assert(t, strings.Contains(said, "3 rules found"), said)
}

func TestAlerts(t *testing.T) {
	sound := written(t, nil)
	warned := written(t, map[string]report.Result{"userns-host": report.Warn("one")})
	all := []scenario{
		scraped(t, sound, 180, "1").fires("59m").fires("62m", "DockerUsernsStale"),
		scraped(t, warned, 180, "1").fires("30m"),
		// check always has what only a person can answer.
		scraped(t, strings.ReplaceAll(written(t, map[string]report.Result{"mounts": unsure}), `"verify"`, `"check"`), 180, "1").fires("30m"),
		// The file is gone: from a host that answers, and with one that does not.
		scraped(t, sound, 10, "1").fires("10m").fires("30m", "DockerUsernsStale"),
		scraped(t, sound, 10, "0").fires("30m"),
	}
	for _, id := range grave {
		all = append(all, scraped(t, written(t, map[string]report.Result{id: fail}), 180, "1").fires("30m", "DockerUsernsNotInForce/"+id))
		unknown := scraped(t, written(t, map[string]report.Result{id: unsure}), 180, "1")
		if id == "map-in-force" { // as on a host where no container runs
			all = append(all, unknown.fires("30m"))
		} else {
			all = append(all, unknown.fires("30m", "DockerUsernsFinding/"+id))
		}
	}
	both := map[string]report.Result{"mounts": fail, "sockets": unsure, "processes": fail}
	passes(t, append(all, scraped(t, written(t, both), 180, "1").
		fires("30m", "DockerUsernsFinding/mounts", "DockerUsernsFinding/sockets", "DockerUsernsNotInForce/processes"))...)
}

// What an alert says names the host, the result, and what to type.
func TestAnnotations(t *testing.T) {
	s := scraped(t, written(t, map[string]report.Result{"mounts": unsure, "processes": fail}), 180, "1")
	labels := func(more ...string) map[string]string {
		all := map[string]string{"job": "node", "instance": "db1:9100", "command": "verify", "context": "default"}
		for i := 0; i < len(more); i += 2 {
			all[more[i]] = more[i+1]
		}
		return all
	}
	expect := func(at, alert, summary, description string, labels map[string]string) {
		s.Alerts = append(s.Alerts, alertingTest{at, alert, []expectedAlert{{labels, map[string]string{"summary": summary, "description": description}}}})
	}
	expect("30m", "DockerUsernsNotInForce", "userns-remap does not hold on db1:9100 (processes)",
		"Remap is not in force, or a process of a container runs outside of the ID map. To see which, type 'docker userns verify' on the host.",
		labels("severity", "critical", "id", "processes", "category", "processes", "status", "error"))
	expect("30m", "DockerUsernsFinding", "docker userns verify on db1:9100, mounts is unknown",
		"Something fails, or could not be determined. To see what, and how to fix it, type 'docker userns verify' on the host.",
		labels("severity", "warning", "id", "mounts", "category", "mounts", "status", "unknown"))
	expect("90m", "DockerUsernsStale", "Nothing has verified userns-remap on db1:9100 for an hour",
		"To see why, type 'systemctl status docker-userns-verify.timer docker-userns-verify.service' on the host.",
		labels("severity", "warning"))
	passes(t, s)
}

// A rule that names a metric, a label or an ID that is not written is found.
func TestWrongNamesAreFound(t *testing.T) {
	rules, err := os.ReadFile("alerts.yml")
	assert.NilError(t, err)
	for _, name := range []string{"docker_userns_result{", "docker_userns_looked_timestamp_seconds{", "status=", "map-in-force", "up =="} {
		t.Run(name, func(t *testing.T) {
			broken := strings.ReplaceAll(string(rules), name, "x"+name)
			assert.Assert(t, broken != string(rules))
			path := filepath.Join(t.TempDir(), "alerts.yml")
			assert.NilError(t, os.WriteFile(path, []byte(broken), 0o600))
			said, err := tested(t, path,
				scraped(t, written(t, map[string]report.Result{"map-in-force": fail}), 180, "1").fires("30m", "DockerUsernsNotInForce/map-in-force").fires("90m", "DockerUsernsNotInForce/map-in-force", "DockerUsernsStale"),
				scraped(t, written(t, nil), 10, "1").fires("30m", "DockerUsernsStale"))
			assert.Assert(t, err != nil, said)
		})
	}
}

// dashboard is what the test looks at of it.
type dashboard struct {
	Panels []struct {
		Title   string
		Targets []struct{ Expr string }
	}
	Templating struct {
		List []struct {
			Name  string
			Query any
		}
	}
}

// Every panel shows something if there is something to show.
func TestDashboard(t *testing.T) {
	text, err := os.ReadFile("dashboard.json")
	assert.NilError(t, err)
	var d dashboard
	assert.NilError(t, json.Unmarshal(text, &d))
	assert.Assert(t, len(d.Panels) >= 5)
	s := scraped(t, written(t, map[string]report.Result{"mounts": fail, "sockets": unsure, "userns-host": report.Warn("one")}), 180, "1")
	for _, panel := range d.Panels {
		for _, target := range panel.Targets {
			expr := strings.ReplaceAll(target.Expr, "$instance", "db1:.*")
			s.Exprs = append(s.Exprs, exprTest{Expr: "count(" + expr + ") > bool 0", At: "30m", Samples: []sample{{"{}", 1}}})
		}
	}
	assert.Assert(t, len(s.Exprs) >= len(d.Panels))
	passes(t, s)
}

var named = regexp.MustCompile(`docker_userns_\w+`)

// No metric is named that is not written, and none is written that nobody explains.
func TestMetricsAreNamed(t *testing.T) {
	var names []string
	for _, m := range regexp.MustCompile(`(?m)^# TYPE (\S+) `).FindAllStringSubmatch(written(t, nil), -1) {
		names = append(names, m[1])
	}
	assert.Equal(t, len(names), 3)
	reference := "../../cli-plugins/docker-userns/reference/userns_check.md"
	for _, path := range []string{"alerts.yml", "dashboard.json", reference} {
		text, err := os.ReadFile(path)
		assert.NilError(t, err)
		for _, name := range named.FindAllString(string(text), -1) {
			assert.Check(t, slices.Contains(names, name), "%s names %s", path, name)
		}
		for _, name := range names {
			assert.Check(t, path != reference || strings.Contains(string(text), "`"+name+"`"), "%s does not explain %s", path, name)
		}
	}
}

func TestMetricsAreWellFormed(t *testing.T) {
	said, err := promtool(t, written(t, nil), "check", "metrics")
	assert.NilError(t, err, said)
	assert.Equal(t, said, "")
}
