#!/bin/sh
# Makes the certificates of test/golden/tls, which are valid for a hundred years: an authority, a certificate that it has signed, and
# another authority. The private keys protect nothing: they are public here.
set -e
cd "$(dirname "$0")/tls"
for name in ca other; do
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout $name-key.pem -out $name.pem -days 36500 -subj "/CN=adjoint test $name"
done
openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout key.pem -out request.pem -subj "/CN=adjoint test"
openssl x509 -req -in request.pem -CA ca.pem -CAkey ca-key.pem -CAcreateserial -days 36500 -out cert.pem
rm -f ca-key.pem other-key.pem request.pem ca.srl .srl
