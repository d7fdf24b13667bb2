// A real OpenID provider on loopback, for the tests: node provider.mjs PORT. Whoever logs in gets the account name that they type.
import Provider from "oidc-provider";

const port = Number(process.argv[2]);
const issuer = `http://127.0.0.1:${port}`;
const provider = new Provider(issuer, {
  clients: [
    {
      client_id: "custody",
      application_type: "native",
      token_endpoint_auth_method: "none",
      grant_types: ["authorization_code"],
      response_types: ["code"],
      redirect_uris: ["http://127.0.0.1/"],
    },
    {
      client_id: "another",
      application_type: "native",
      token_endpoint_auth_method: "none",
      grant_types: ["authorization_code"],
      response_types: ["code"],
      redirect_uris: ["http://127.0.0.1/"],
    },
  ],
  pkce: { required: () => true },
  cookies: { keys: ["for tests only"] },
  findAccount: (context, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
});
provider.listen(port, "127.0.0.1", () => console.log("ready"));
