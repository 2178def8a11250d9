package render

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"

	"github.com/docker-userns/docker-userns/internal/escape"
	"github.com/docker-userns/docker-userns/internal/report"
)

// FormatPrometheus is OpenMetrics text, such as the textfile collector of node_exporter reads.
const FormatPrometheus = "prometheus"

// Metrics writes the results of a command as OpenMetrics text: for each result a series with its
// status, for each status how many results have it, and when it was looked.
func Metrics(w io.Writer, command string, r report.Report, at time.Time) error {
	of := map[string]string{"command": command, "context": escape.Line(r.Context)}
	results := family("docker_userns_result", "Result of a check or a question, with its status; the value is always 1.")
	for _, one := range r.Results {
		results.add(1, of, map[string]string{"id": one.ID, "category": one.Category, "status": string(one.Status)})
	}
	counts := family("docker_userns_results", "Number of results with a status.")
	for _, status := range report.Statuses {
		counts.add(float64(r.Summary[status]), of, map[string]string{"status": string(status)})
	}
	looked := family("docker_userns_looked_timestamp_seconds", "When the engine and its host were looked at, in seconds since 1970.")
	looked.add(float64(at.UnixMilli())/1000, of, nil)
	for _, f := range []metrics{results, counts, looked} {
		if _, err := expfmt.MetricFamilyToOpenMetrics(w, f.MetricFamily); err != nil {
			return fmt.Errorf("writing metrics: %w", err)
		}
	}
	_, err := expfmt.FinalizeOpenMetrics(w)
	return err
}

// metrics are the series of one name.
type metrics struct{ *dto.MetricFamily }

func family(name, help string) metrics {
	return metrics{&dto.MetricFamily{Name: &name, Help: &help, Type: dto.MetricType_GAUGE.Enum()}}
}

// add adds a series with labels.
func (m metrics) add(value float64, labels ...map[string]string) {
	one := &dto.Metric{Gauge: &dto.Gauge{Value: &value}}
	for _, some := range labels {
		for _, name := range slices.Sorted(maps.Keys(some)) {
			text := some[name]
			one.Label = append(one.Label, &dto.LabelPair{Name: &name, Value: &text})
		}
	}
	m.Metric = append(m.Metric, one)
}
