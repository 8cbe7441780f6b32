export { FileDeleted, FileList, fileList, FileObject, fileObject, FilePurpose, type FileFacts } from './file-object.ts';
export { readFileListQuery, type FileListWish } from './list-query.ts';
export { FileUpload, readUploadForm, type UploadWish } from './upload-form.ts';
