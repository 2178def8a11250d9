package survey

import (
	"strconv"
	"strings"
)

// properties are what is asked of systemd for each unit, systemctl(1) show.
const properties = "--property=Id,LoadState,ActiveState,SubState,Result,MainPID,NRestarts,FragmentPath,DropInPaths," +
	"ExecStart,ExecStartEx,EnvironmentFiles,Environment,Restart,KillMode,NeedDaemonReload,Listen"

// parseShow reads the output of `systemctl show` for several units: blocks of
// KEY=value, an empty line between them. A key that is there twice, as ExecStart
// and EnvironmentFiles can be, has its values joined by newlines.
func parseShow(out string) map[string]map[string]string {
	units := map[string]map[string]string{}
	for block := range strings.SplitSeq(out, "\n\n") {
		unit := map[string]string{}
		for line := range strings.Lines(block) {
			key, value, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
			if !ok {
				continue
			}
			if old, twice := unit[key]; twice {
				value = old + "\n" + value
			}
			unit[key] = value
		}
		if unit["Id"] != "" {
			units[unit["Id"]] = unit
		}
	}
	return units
}

// unitOf makes a Unit of what systemd says of it.
func unitOf(show map[string]string) Unit {
	u := Unit{
		Manager: Systemd, Name: show["Id"], LoadState: show["LoadState"], Active: show["ActiveState"],
		Sub: show["SubState"], Result: show["Result"], File: show["FragmentPath"],
		DropIns: strings.Fields(show["DropInPaths"]), Restart: show["Restart"], KillMode: show["KillMode"],
		NeedReload: show["NeedDaemonReload"] == "yes",
	}
	u.MainPID, _ = strconv.Atoi(show["MainPID"])
	u.NRestarts, _ = strconv.Atoi(show["NRestarts"])
	if env := show["Environment"]; env != "" {
		u.Environment = splitWords(env)
	}
	for line := range strings.Lines(show["Listen"]) { // "/run/docker.sock (Stream)"
		address, _, _ := strings.Cut(strings.TrimSpace(line), " (")
		u.Listen = append(u.Listen, address)
	}
	u.Program, u.Start = command(show["ExecStart"])
	u.Verbatim = strings.Contains(show["ExecStartEx"], "no-env-expand")
	for line := range strings.Lines(show["EnvironmentFiles"]) {
		path, optional, _ := strings.Cut(strings.TrimSpace(line), " (")
		if path != "" {
			u.EnvironmentFiles = append(u.EnvironmentFiles, EnvironmentFile{path, strings.HasPrefix(optional, "ignore_errors=yes")})
		}
	}
	if strings.HasPrefix(u.Name, "snap.") {
		u.Manager = SnapD
	}
	return u
}

// command takes the program and the command line out of an ExecStart such as
// "{ path=/usr/bin/dockerd ; argv[]=/usr/bin/dockerd -H fd:// ; ignore_errors=no ; … }".
// If there are several, the last one is the main process of a unit.
func command(execStart string) (program, argv string) {
	path, rest, ok := strings.Cut(execStart[strings.LastIndex(execStart, "{ path=")+1:], " ; argv[]=")
	if !ok {
		return "", ""
	}
	line, _, _ := strings.Cut(rest, " ; ")
	return strings.TrimPrefix(path, " path="), strings.TrimSpace(line)
}
