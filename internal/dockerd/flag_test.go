package dockerd

import (
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

func TestFlag(t *testing.T) {
	for line, want := range map[string]string{
		"dockerd --userns-remap default":            "default",
		"dockerd --userns-remap=a:b -H fd://":       "a:b",
		"dockerd --userns-remap= x":                 "",
		"dockerd --userns-remap a --userns-remap=b": "b",
		"dockerd --userns-remap=b --userns-remap a": "a",
		"dockerd --userns-remap":                    "",
		"dockerd --userns-remap --debug":            "--debug",
		"dockerd --debug --userns-remap a":          "a",
		"dockerd -D -H fd:// --userns-remap=a":      "a",
		"dockerd -H --userns-remap=a":               "none",
		"dockerd -- --userns-remap=a":               "none",
		"dockerd --userns-remapped=a":               "none",
		"":                                          "none",
	} {
		words := strings.Fields(line)
		got, ok := Last(Flags(words[min(1, len(words)):]), "userns-remap")
		if !ok {
			got.Value = "none"
		}
		assert.Equal(t, got.Value, want, line)
	}
}

func TestShortFlags(t *testing.T) {
	for line, want := range map[string]string{
		"-s overlayfs":                "overlayfs",
		"-soverlayfs":                 "overlayfs",
		"-s=overlayfs":                "overlayfs",
		"-Ds overlayfs":               "overlayfs",
		"-Ds=overlayfs -l debug":      "overlayfs",
		"--storage-driver overlayfs":  "overlayfs",
		"--storage-driver=overlayfs":  "overlayfs",
		"-s a -s overlayfs":           "overlayfs",
		"-l -s overlayfs":             "none",
		"-x -s overlayfs":             "overlayfs",
		"-- -s overlayfs":             "none",
		"--debug=false -s overlayfs":  "overlayfs",
		"--ip6tables -soverlayfs":     "overlayfs",
		"--log-driver -s overlayfs":   "none",
		"- -s overlayfs":              "overlayfs",
		"--storage-opt s=1 overlay -": "none",
	} {
		got, ok := Last(Flags(strings.Fields(line)), "storage-driver")
		if !ok {
			got.Value = "none"
		}
		assert.Equal(t, got.Value, want, line)
	}
	assert.DeepEqual(t, Flags([]string{"-DH", "fd://", "--tls", "--label=a=b", "-s="}), []Flag{
		{"debug", "true", "-DH"}, {"host", "fd://", "-DH"}, {"tls", "true", "--tls"}, {"label", "a=b", "--label=a=b"}, {"storage-driver", "=", "-s="},
	})
}

func TestWithout(t *testing.T) {
	for line, want := range map[string]string{
		"-H fd:// --config-file /a -D":           "-H fd:// -D",
		"--config-file=/a -D --config-file /b":   "-D",
		"-H --config-file /a":                    "-H --config-file /a", // it is the value of -H
		"--debug --config-file":                  "--debug",
		"--tls -- --config-file /a":              "--tls -- --config-file /a",
		"x --config-file /a y -Ds overlay2 -- z": "x y -Ds overlay2 -- z",
		"":                                       "",
	} {
		assert.Equal(t, strings.Join(Without(strings.Fields(line), "config-file"), " "), want, line)
	}
}
