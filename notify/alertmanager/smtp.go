//go:build !slim

package alertmanager

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/smtp"
	"os"
	"strings"

	amconfig "github.com/prometheus/alertmanager/config"
	amemail "github.com/prometheus/alertmanager/notify/email"
	common "github.com/prometheus/common/config"
)

// implicitTLS is the port of submission over TLS (RFC 8314), where nobody said whether to begin with it.
const implicitTLS = "465"

// submit hands a mail to a server, as Alertmanager's settings mean it. It ends with the wire's deadline.
func submit(ctx context.Context, line *wire, c *amconfig.EmailConfig, l letter) (err error) {
	conn, err := line.DialContext(ctx, "tcp", c.Smarthost.String())
	if err != nil {
		return fmt.Errorf("connect to the mail server: %w", err)
	}
	defer conn.Close()
	tlsConfig, err := common.NewTLSConfig(c.TLSConfig)
	if err != nil {
		return fmt.Errorf("tls_config: %w", err)
	}
	if tlsConfig.ServerName == "" {
		tlsConfig.ServerName = c.Smarthost.Host
	}
	secure := c.Smarthost.Port == implicitTLS
	if c.ForceImplicitTLS != nil {
		secure = *c.ForceImplicitTLS
	}
	if secure {
		conn, err = handshake(ctx, conn, tlsConfig)
		if err != nil {
			return err
		}
	}
	client, err := smtp.NewClient(conn, c.Smarthost.Host)
	if err != nil {
		return fmt.Errorf("greeting of the mail server: %w", err)
	}
	if c.Hello != "" {
		if err := client.Hello(c.Hello); err != nil {
			return fmt.Errorf("hello: %w", err)
		}
	}
	if *c.RequireTLS && !secure {
		if ok, _ := client.Extension("STARTTLS"); !ok {
			return errors.New("require_tls is true, which is the default, but the mail server does not offer STARTTLS")
		}
		if err := client.StartTLS(tlsConfig); err != nil {
			return fmt.Errorf("start TLS: %w", err)
		}
	}
	if err := logIn(client, c); err != nil {
		return err
	}
	return transmit(client, l)
}

func handshake(ctx context.Context, conn net.Conn, config *tls.Config) (net.Conn, error) {
	secured := tls.Client(conn, config)
	if err := secured.HandshakeContext(ctx); err != nil {
		return nil, fmt.Errorf("TLS with the mail server: %w", err)
	}
	return secured, nil
}

// transmit sends the envelope and the mail. Once the server took the mail, nothing that goes wrong counts.
func transmit(client *smtp.Client, l letter) error {
	if err := client.Mail(l.from); err != nil {
		return fmt.Errorf("sender: %w", err)
	}
	for _, to := range l.to {
		if err := client.Rcpt(to); err != nil {
			return fmt.Errorf("recipient: %w", err)
		}
	}
	w, err := client.Data()
	if err != nil {
		return fmt.Errorf("data: %w", err)
	}
	if _, err := w.Write(l.raw); err != nil {
		return fmt.Errorf("data: %w", err)
	}
	if err := w.Close(); err != nil {
		return fmt.Errorf("data: %w", err)
	}
	_ = client.Quit() // the mail is the server's by now
	return nil
}

// logIn authenticates with the first mechanism that the server offers and the settings have a secret for. Without a user name, or where
// the server asks nobody, it does nothing.
func logIn(client *smtp.Client, c *amconfig.EmailConfig) error {
	ok, offered := client.Extension("AUTH")
	if !ok || c.AuthUsername == "" {
		return nil
	}
	for mechanism := range strings.FieldsSeq(offered) {
		auth, err := authenticator(mechanism, c)
		if err != nil {
			return err
		}
		if auth == nil {
			continue
		}
		if err := client.Auth(auth); err != nil {
			return fmt.Errorf("log in to the mail server with %s: %w", mechanism, err)
		}
		return nil
	}
	return fmt.Errorf("no way to log in: the mail server offers %q, and auth_password or auth_secret for none of it is set", offered)
}

// authenticator is how a mechanism logs in; nil if it is none of ours or there is no secret for it.
func authenticator(mechanism string, c *amconfig.EmailConfig) (smtp.Auth, error) {
	secretFile := c.AuthPasswordFile
	if mechanism == "CRAM-MD5" {
		secretFile = c.AuthSecretFile
	}
	if secretFile == "" {
		return nil, nil
	}
	data, err := os.ReadFile(secretFile)
	if err != nil {
		return nil, fmt.Errorf("log in to the mail server: %w", err)
	}
	secret := strings.TrimSpace(string(data))
	switch mechanism {
	case "CRAM-MD5":
		return smtp.CRAMMD5Auth(c.AuthUsername, secret), nil
	case "PLAIN":
		return smtp.PlainAuth(c.AuthIdentity, c.AuthUsername, secret, c.Smarthost.Host), nil
	case "LOGIN":
		return loginAuth{amemail.LoginAuth(c.AuthUsername, secret)}, nil
	}
	return nil, nil
}

// loginAuth sends a password over TLS or to this very machine only, as the standard library's plain one does by itself.
type loginAuth struct{ smtp.Auth }

// Start begins, unless others could listen.
func (a loginAuth) Start(server *smtp.ServerInfo) (proto string, toServer []byte, err error) {
	if !server.TLS && server.Name != "localhost" && server.Name != "127.0.0.1" && server.Name != "::1" {
		return "", nil, errors.New("unencrypted connection")
	}
	return a.Auth.Start(server)
}
