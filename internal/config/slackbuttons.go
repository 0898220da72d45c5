package config

import (
	"regexp"
	"strings"

	"quell/internal/strictyaml"
	"quell/notify"
)

// slackMember is the form of the ids that Slack gives people.
var slackMember = regexp.MustCompile(`^[UW][A-Z0-9]{2,30}$`)

// listening completes a channel at Slack, and warns of what has no effect unless somebody listens for what people do there.
func listening(n strictyaml.Node, c notify.SlackConfig) notify.SlackConfig {
	c.Buttons = c.SigningSecret != "" || c.AppToken != ""
	if len(c.AllowedUsers) > 0 && !c.Buttons {
		n.WarnAs(kindNoEffect, "allowed_users without buttons", "add signing_secret_file or app_token_file")
	}
	return c
}

// slackAppToken reads the file of an app-level token.
func (l *loader) slackAppToken(to *notify.Secret) strictyaml.Setter {
	return func(n strictyaml.Node) {
		l.secret(to)(n)
		if *to != "" && !to.Absent() && !strings.HasPrefix(string(*to), "xapp-") {
			n.Problem("the file holds no app-level token", "one begins with xapp-: make it under Basic Information of the app, with the scope connections:write")
		}
	}
}

// slackMembers adds the ids of people.
func slackMembers(to *[]string) strictyaml.Setter {
	return func(n strictyaml.Node) {
		var id string
		strictyaml.Name(&id)(n)
		switch {
		case id == "":
			return // reported already
		case !slackMember.MatchString(id):
			n.Problem(strictyaml.Quote(id)+" is no member ID", "copy it from the person's profile at Slack; it looks like U012AB3CD")
		default:
			*to = append(*to, id)
		}
	}
}
