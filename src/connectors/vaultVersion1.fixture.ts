/** Records as the first version of the vault wrote them. */
import { webcrypto } from "node:crypto"
import type { Owner } from "../../schemas/ids.ts"
import { joined } from "./vaultRecord.ts"

export const sealVersion1 = async (
  keyId: string,
  keyBytes: Uint8Array<ArrayBuffer>,
  owner: Owner,
  token: string,
): Promise<Uint8Array> => {
  const iv = webcrypto.getRandomValues(new Uint8Array(12))
  const additionalData = Buffer.from(`${owner.tenantId}/${owner.userId}/todoist`)
  const key = await webcrypto.subtle.importKey("raw", keyBytes, "AES-GCM", false, ["encrypt"])
  const sealed = await webcrypto.subtle.encrypt({ name: "AES-GCM", iv, additionalData }, key, Buffer.from(token))
  return joined(1, keyId, Buffer.concat([iv, Buffer.from(sealed)]))
}
