package callback

import (
	"fmt"
	"strings"
	"testing"

	"quell/internal/secret"
)

// TestWhatIsPrintedHoldsNoSecret prints what holds credentials, as a log or an error would by accident.
func TestWhatIsPrintedHoldsNoSecret(t *testing.T) {
	cfg := Config{PagerDuty: func() []secret.Text { return []secret.Text{"whsec-4711"} }}
	place := SlackPlace{SigningSecret: "sign-4711", AppToken: "xapp-4711", BotToken: "xoxb-4711", Channel: "#ops"}
	socket := &SlackSocket{place: place}
	for _, shown := range []string{fmt.Sprint(cfg.PagerDuty()), fmt.Sprintf("%v %+v %#v", place, place, place), fmt.Sprint([]SlackPlace{place}), fmt.Sprintf("%+v", socket.place)} {
		if strings.Contains(shown, "4711") {
			t.Errorf("%s shows a credential", shown)
		}
	}
}
