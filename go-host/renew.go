package coracle

import "context"

// Renew takes credentials into use: connections authenticate again in place, and later ones by them. It waits until all
// have, and before that for a [Client.Swap] that is under way. If the server refuses them its error is given, and the
// connections there are go on as they were. Where the client has a provider, see [WithCredentialsProvider], that is
// asked before these expire; else Expires means nothing.
func (c *Client) Renew(ctx context.Context, credentials Credentials) error {
	if err := c.lanes.begin(ctx); err != nil {
		return err
	}
	defer c.lanes.end() // before that no lane comes that does not know of them
	if c.renewer != nil {
		if err := c.renewer.begin(ctx); err != nil {
			return err
		}
		defer c.renewer.end()
	}
	failure := renewAll(ctx, c.lanes.current(), credentials.secrets())
	c.states.tellRenewed(failure)
	if failure != nil {
		return clientError(failure)
	}
	if c.renewer != nil {
		c.renewer.note(credentials)
	}
	return nil
}
