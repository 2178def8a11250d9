package audit

// ruleText is what people are told of a rule where they meet it first, in a list
// of alerts.
type ruleText struct {
	rule     Rule
	severity string // security-severity of GitHub, 0.1 to 10.0: 7.0 and above is high
	short    string
	help     string
}

var ruleTexts = []ruleText{
	{UnmappedOwner, "7.0", "A layer has files of an owner that a remapped engine cannot map",
		"An engine with `userns-remap` refuses the image: `container ID N cannot be mapped to a host ID`. " +
			"Every entry of every layer counts, whatever later layers do to it, so the owner has to change in the instruction that makes the layer."},
	{RootAlias, "5.0", "A layer has files whose owner becomes root under userns-remap",
		"The owner's ID equals the host ID of the container's root. Engines let it pass, and the file is root's in the container. Give the file another owner."},
	{UnmappedUser, "7.0", "The image's USER cannot start under userns-remap",
		"The configured USER, or a group of it, is not mapped: `cannot set uid to unmapped user in user namespace`. Give the account smaller IDs."},
	{RefusedLayer, "5.0", "An engine refuses the image for another reason than an ID",
		"An engine refuses the image, remapped or not: it has more than 125 layers (`max depth exceeded`), entries of types that no engine unpacks (`unhandled tar header type`), layers that are compressed in a way which the engine does not read, or it is for Windows."},
	{UnmappedAccount, "2.0", "An account of the image cannot be used under userns-remap",
		"A line of `/etc/passwd` or `/etc/group` has an ID that is not mapped: no process can run as it. Give the account a smaller ID."},
	{Owner, "0.1", "A layer has files of the owner that was asked for", "The engine takes these files. They were listed because `--id` asked for their owner."},
}
