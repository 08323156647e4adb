// Does one scenario with the SDK for JavaScript and prints what the SDK showed, as `name=value` lines.
// Region, endpoint and the user's keys come from the standard AWS_… variables: the code sets none of them.
import { createHash } from "node:crypto";
import { GetUserCommand, IAMClient, paginateListRoles } from "@aws-sdk/client-iam";
import {
  CopyObjectCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  paginateListObjectsV2,
  PutObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import { AssumeRoleCommand, GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import { Upload } from "@aws-sdk/lib-storage";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";

const { ACTION, BUCKET: Bucket, COPY_SOURCE, EXTERNAL_ID, KEY: Key, PAGE_SIZE, PREFIX, ROLE_ARN } = process.env;
const SIGNED_SECONDS = { expiresIn: 300 };

const show = (name, value) => console.log(`${name}=${value}`);

async function session() {
  const answer = await new STSClient().send(
    new AssumeRoleCommand({ RoleArn: ROLE_ARN, RoleSessionName: "sdk", ExternalId: EXTERNAL_ID }),
  );
  const { AccessKeyId, SecretAccessKey, SessionToken, Expiration } = answer.Credentials;
  return {
    accessKeyId: AccessKeyId,
    secretAccessKey: SecretAccessKey,
    sessionToken: SessionToken,
    expiration: Expiration,
  };
}

const s3OfSession = async (options) => new S3Client({ credentials: await session(), ...options });

const SCENARIOS = {
  async session() {
    const credentials = await session();
    show("seconds", Math.round((credentials.expiration - Date.now()) / 1000));
    const identity = await new STSClient({ credentials }).send(new GetCallerIdentityCommand({}));
    show("arn", identity.Arn);
    show("account", identity.Account);
  },

  async objects() {
    const s3 = await s3OfSession();
    const put = await s3.send(
      new PutObjectCommand({
        Bucket,
        Key,
        Body: "This is from cross account!",
        ContentType: "text/plain",
        Metadata: { from: "firm" },
      }),
    );
    show("put-etag", put.ETag);
    show("put-crc32", put.ChecksumCRC32);
    const got = await s3.send(new GetObjectCommand({ Bucket, Key }));
    show("body", await got.Body.transformToString());
    show("metadata-from", got.Metadata.from);
    const range = await s3.send(new GetObjectCommand({ Bucket, Key, Range: "bytes=8-11" }));
    show("range-body", await range.Body.transformToString());
    show("range", range.ContentRange);
    const head = await s3.send(new HeadObjectCommand({ Bucket, Key }));
    show("length", head.ContentLength);
    show("type", head.ContentType);
    const copy = await s3.send(
      new CopyObjectCommand({ Bucket, Key: `${Key}-copy`, CopySource: COPY_SOURCE }),
    );
    show("copy-etag", copy.CopyObjectResult.ETag);
    const list = await s3.send(new ListObjectsV2Command({ Bucket, Prefix: Key }));
    list.Contents.forEach((object) => show("listed", `${object.Key} ${object.Size}`));
    await s3.send(new DeleteObjectCommand({ Bucket, Key }));
    await s3.send(new GetObjectCommand({ Bucket, Key }));
  },

  async multipart() {
    const s3 = await s3OfSession();
    const body = Buffer.alloc(11 * 1024 * 1024, "strongroom");
    const upload = new Upload({ client: s3, params: { Bucket, Key, Body: body }, partSize: 5 * 1024 * 1024 });
    const done = await upload.done();
    show("etag", done.ETag);
    show("crc32", done.ChecksumCRC32);
    show("crc32-type", done.ChecksumType);
    const got = await s3.send(new GetObjectCommand({ Bucket, Key }));
    show("length", got.ContentLength);
    show("sha256", createHash("sha256").update(await got.Body.transformToByteArray()).digest("hex"));
  },

  async attempt() {
    const s3 = await s3OfSession();
    const attempts = {
      put: () => s3.send(new PutObjectCommand({ Bucket, Key, Body: "not allowed" })),
      delete: () => s3.send(new DeleteObjectCommand({ Bucket, Key })),
    };
    await attempts[ACTION]();
    show("done", ACTION);
  },

  async pages() {
    const s3 = await s3OfSession();
    const pages = paginateListObjectsV2({ client: s3, pageSize: Number(PAGE_SIZE) }, { Bucket, Prefix: PREFIX });
    for await (const page of pages) show("page", page.Contents.map((object) => object.Key).join(" "));
  },

  async presign() {
    // By default this SDK signs the checksum of the body that it has, which is none, and S3 refuses any other.
    const s3 = await s3OfSession({ requestChecksumCalculation: "WHEN_REQUIRED" });
    show("put", await getSignedUrl(s3, new PutObjectCommand({ Bucket, Key }), SIGNED_SECONDS));
    show("get", await getSignedUrl(s3, new GetObjectCommand({ Bucket, Key }), SIGNED_SECONDS));
  },

  async roles() {
    const pages = paginateListRoles({ client: new IAMClient(), pageSize: Number(PAGE_SIZE) }, {});
    for await (const page of pages) show("page", page.Roles.map((role) => role.RoleName).join(" "));
  },

  async user() {
    await new IAMClient().send(new GetUserCommand({ UserName: "nobody" }));
  },
};

try {
  await SCENARIOS[process.argv[2]]();
} catch (error) {
  if (!error.$metadata) throw error;
  show("refused-code", error.name);
  show("refused-message", error.message);
  show("refused-status", error.$metadata.httpStatusCode);
  show("refused-request-id", error.$metadata.requestId);
  show("refused-fault", error.$fault);
  show("refused-shown", String(error));
}
