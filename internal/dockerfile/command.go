package dockerfile

import (
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// command notes what a simple command does with user and group IDs.
func (s shell) command(args []arg) {
	args, as := s.unwrap(args)
	if as.s != "" {
		s.owner(as, Runs)
	}
	if len(args) == 0 || !args[0].known() {
		return
	}
	name := path.Base(args[0].s)
	s.run.Commands = append(s.run.Commands, name)
	for _, a := range args[1:] {
		s.passwdLines(a.text)
	}
	if follow, ok := commands[name]; ok {
		follow(s, args)
	}
}

// commands are the programs whose arguments are looked at. It is filled by init,
// since some of them start others.
var commands map[string]func(shell, []arg)

func init() {
	account := func(s shell, args []arg) { s.account(args[1:]) }
	group := func(s shell, args []arg) { s.makeGroup(args[1:]) }
	tar := func(s shell, args []arg) { s.tar(args) }
	script := func(s shell, args []arg) { s.shellArgs(args[1:]) }
	keeps := func(s shell, _ []arg) { s.run.Extracts = true }
	commands = map[string]func(shell, []arg){
		"useradd": account, "usermod": account, "adduser": account,
		"groupadd": group, "groupmod": group, "addgroup": group,
		"chown":   func(s shell, args []arg) { s.chown(args[1:], false) },
		"chgrp":   func(s shell, args []arg) { s.chown(args[1:], true) },
		"install": func(s shell, args []arg) { s.install(args[1:]) },
		"find":    func(s shell, args []arg) { s.find(args[1:]) },
		"setfacl": func(s shell, args []arg) { s.setfacl(args[1:]) },
		"sed":     func(s shell, args []arg) { s.sed(args[1:]) },
		"eval":    func(s shell, args []arg) { s.eval(args[1:]) },
		"su":      func(s shell, args []arg) { s.shellArgs(args[1:]) },
		"echo":    func(s shell, args []arg) { s.printed(args[1:]) },
		"printf":  func(s shell, args []arg) { s.printed(args[1:]) },
		"rsync":   func(s shell, args []arg) { s.rsync(args[1:]) },
		"export":  func(s shell, args []arg) { s.assignments(args[1:]) },
		"tar":     tar, "bsdtar": tar, "gtar": tar, "star": tar,
		"sh": script, "bash": script, "ash": script, "dash": script, "ksh": script, "zsh": script,
		"cpio": keeps, "pax": keeps, "unsquashfs": keeps, "debootstrap": keeps,
	}
}

// owner notes USER, :GROUP, USER:GROUP, in numbers.
func (s shell) owner(t text, role Role) {
	user, _, _ := strings.Cut(t.s, ":")
	s.use(t.slice(0, len(user)), false, role)
	if len(user) < len(t.s) {
		s.use(t.slice(len(user)+1, len(t.s)), true, role)
	}
}

var number = regexp.MustCompile(`^[+#]?([0-9]{1,18})$`)

// use notes a number, if the text is one.
func (s shell) use(t text, group bool, role Role) {
	m := number.FindStringSubmatchIndex(t.s)
	if m == nil {
		return
	}
	t = t.slice(m[2], m[3])
	id, err := strconv.ParseInt(t.s, 10, 64)
	if err != nil {
		return
	}
	u := Use{ID: id, Group: group, Role: role, In: s.in}
	if p, ok := t.span(); ok {
		u.Def, u.At, u.Arg = p.in, p.at, p.arg
	}
	if len(*s.uses) < maxUses && !slices.Contains(*s.uses, u) {
		*s.uses = append(*s.uses, u)
	}
}

// account is useradd, usermod or adduser, of shadow, Debian and busybox.
func (s shell) account(args []arg) {
	opts, _ := options(args, "ugGdsckKehpbfR", "uid", "gid", "groups", "home", "home-dir", "shell", "comment", "skel", "key", "gecos", "ingroup", "base-dir", "expiredate", "inactive", "password", "root", "firstuid", "lastuid", "firstgid", "lastgid")
	for _, o := range opts {
		switch o.name {
		case "u", "uid", "firstuid":
			s.use(o.value, false, Makes)
		case "g", "gid", "firstgid":
			s.use(o.value, true, Makes)
		case "lastuid", "lastgid":
			s.use(o.value, o.name == "lastgid", Bounds)
		case "G", "groups":
			s.list(o.value)
		case "K", "key":
			key, _, _ := strings.Cut(o.value.s, "=")
			role := Makes
			if strings.HasSuffix(key, "_MAX") {
				role = Bounds
			}
			s.use(o.value.slice(min(len(key)+1, len(o.value.s)), len(o.value.s)), strings.HasPrefix(key, "GID"), role)
		}
	}
}

// list is a list of groups.
func (s shell) list(t text) {
	from := 0
	for item := range strings.SplitSeq(t.s, ",") {
		s.use(t.slice(from, from+len(item)), true, Makes)
		from += len(item) + 1
	}
}

func (s shell) makeGroup(args []arg) {
	opts, _ := options(args, "gKpRU", "gid", "key", "password", "root", "users", "firstgid", "lastgid")
	for _, o := range opts {
		if o.name == "g" || o.name == "gid" || o.name == "firstgid" || o.name == "lastgid" {
			s.use(o.value, true, Makes)
		}
	}
}

func (s shell) chown(args []arg, group bool) {
	opts, operands := options(args, "", "from", "reference")
	c, reference := Chown{}, false
	for _, o := range opts {
		switch o.name {
		case "R", "recursive":
			c.Recursive = true
		case "from":
			s.owner(o.value, Looks)
		case "reference":
			reference = true
		}
	}
	if reference || len(operands) == 0 {
		return
	}
	before := len(*s.uses)
	if group {
		s.use(operands[0].text, true, Gives)
	} else {
		s.owner(operands[0].text, Gives)
	}
	for _, p := range operands[1:] {
		c.Paths = append(c.Paths, p.s)
	}
	if len(*s.uses) > before {
		s.run.Chowns = append(s.run.Chowns, c)
	}
}

func (s shell) install(args []arg) {
	opts, _ := options(args, "ogmtSBZ", "owner", "group", "mode", "target-directory", "suffix")
	for _, o := range opts {
		switch o.name {
		case "o", "owner":
			s.use(o.value, false, Gives)
		case "g", "group":
			s.use(o.value, true, Gives)
		}
	}
}

func (s shell) rsync(args []arg) {
	for _, a := range args {
		if strings.HasPrefix(a.s, "--chown=") {
			s.owner(a.slice(len("--chown="), len(a.s)), Gives)
		}
		if strings.HasPrefix(a.s, "-a") || a.s == "--archive" || a.s == "--owner" {
			s.run.Extracts = true
		}
	}
}

// find notes the owners that are looked for, and the commands that it starts.
func (s shell) find(args []arg) {
	for i := 0; i+1 < len(args); i++ {
		switch args[i].s {
		case "-user", "-uid":
			s.use(args[i+1].text, false, Looks)
		case "-group", "-gid":
			s.use(args[i+1].text, true, Looks)
		case "-exec", "-execdir", "-ok", "-okdir":
			end := i + 1
			for end < len(args) && args[end].s != ";" && args[end].s != "+" {
				end++
			}
			if s.depth++; s.depth < maxDepth*2 {
				s.command(args[i+1 : end])
			}
			i = end
		}
	}
}

var aclEntry = regexp.MustCompile(`(?:^|[,:])(u|user|g|group):([0-9]+)(?:[:,]|$)`)

func (s shell) setfacl(args []arg) {
	for _, a := range args {
		for _, m := range aclEntry.FindAllStringSubmatchIndex(a.s, -1) {
			s.use(a.slice(m[4], m[5]), a.s[m[2]] == 'g', Gives)
		}
	}
}

var longNumber = regexp.MustCompile(`[0-9]{3,}`)

// sed that edits passwd or group has their numbers in its script.
func (s shell) sed(args []arg) {
	file := ""
	for _, a := range args {
		if base := path.Base(a.s); base == "passwd" || base == "group" {
			file = base
		}
	}
	for _, a := range args {
		for _, m := range longNumber.FindAllStringIndex(a.s, -1) {
			if file != "" {
				s.use(a.slice(m[0], m[1]), file == "group", Makes)
			}
		}
	}
}

func (s shell) eval(args []arg) {
	var all builder
	for _, a := range args {
		all.add(a.text)
		all.add(nowhere(" "))
	}
	s.script(all.text())
}

// shellArgs follows the script of sh -c, bash -euxc, su USER -c.
func (s shell) shellArgs(args []arg) {
	for i, a := range args {
		if strings.HasPrefix(a.s, "-") && !strings.HasPrefix(a.s, "--") && strings.Contains(a.s, "c") && i+1 < len(args) {
			s.script(args[i+1].text)
			return
		}
	}
}

// assignments are those of export, where its words are not parsed as such.
func (s shell) assignments(args []arg) {
	for _, a := range args {
		if name, _, ok := strings.Cut(a.s, "="); ok {
			v := a.slice(len(name)+1, len(a.s))
			s.vars.own[name] = v
			s.named(name, v)
		}
	}
}

var idName = regexp.MustCompile(`(?i)(?:^|_)(?:[a-z]*[ug]id|user|group|owner|[ug]ser_?id)s?(?:$|_)`)

// named notes the number of a variable whose name says what it is: a program of
// the image can read it when it runs.
func (s shell) named(name string, v text) {
	if idName.MatchString(name) {
		user, _, _ := strings.Cut(v.s, ":")
		lower := strings.ToLower(name)
		group := strings.Contains(lower, "gid") || strings.Contains(lower, "group")
		s.use(v.slice(0, len(user)), group, Names)
		if len(user) < len(v.s) {
			s.use(v.slice(len(user)+1, len(v.s)), true, Names)
		}
	}
}
